"""What is said to people, the short way to workers, and where the catalog comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from accessbot.domain.model import (
        Catalog,
        MessageRef,
        Remark,
        Request,
    )
    from accessbot.domain.notices import Alert, Answer, Card, Notice, Nudge, ReviewCard
    from accessbot.domain.work import Lane, Work


class Notifier(Protocol):
    """The voice. Every method renders the data it is given; none decides. Raises `Unavailable` to be retried."""

    def show_card(self, card: Card, refs: tuple[MessageRef, ...]) -> tuple[MessageRef, ...]:
        """Post the approvers' message, or bring every copy up to date; give all copies that exist now."""

    def nudge(self, nudge: Nudge, refs: tuple[MessageRef, ...]) -> None:
        """Ping people in the thread of a card's first copy."""

    def remark(self, request: Request, remark: Remark, refs: tuple[MessageRef, ...]) -> None:
        """Write a question or an answer into the thread of a card's first copy."""

    def show_review(self, card: ReviewCard, refs: tuple[MessageRef, ...]) -> tuple[MessageRef, ...]:
        """Post the message about an emergency to the operators' channel, or bring every copy up to date."""

    def remind_review(self, card: ReviewCard, refs: tuple[MessageRef, ...]) -> None:
        """Ping the owners in the thread of that message."""

    def tell(self, person: str, notice: Notice) -> None:
        """Write to a person directly."""

    def answer(self, person: str, answer: Answer, answer_to: str) -> None:
        """Answer a press to that person alone, where they pressed; directly if that place is gone."""

    def alert(self, alert: Alert, refs: tuple[MessageRef, ...]) -> tuple[MessageRef, ...]:
        """Post to the operators' channel, or bring the message up to date; give all copies that exist now."""


class Queue(Protocol):
    """The short way to a worker; the due-index is the sure one."""

    def push(self, work: Work) -> None:
        """Hand a work to a worker of its lane now. Never raises when the queue is away: the due-index has the work."""

    def waiting(self, lane: Lane) -> int:
        """Count the works handed over and not begun."""


class CatalogSource(Protocol):
    """Where the catalog in force is read from."""

    def current(self) -> Catalog:
        """Give the catalog in force in this process."""

    def refresh(self) -> bool:
        """Read the file again if it changed; keeps the old one, and logs why, when the new one is invalid."""
