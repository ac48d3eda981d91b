"""The smaller sockets, in memory: a voice that remembers, a Slack that vouches, a changing catalog, a played queue."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field, replace

from accessbot.domain.errors import Missing, Refused, VendorError
from accessbot.domain.model import Catalog, MessageRef, Remark, Request, SlackPerson
from accessbot.domain.notices import Alert, AlertKind, Answer, Card, Notice, NoticeKind, Nudge, ReviewCard
from accessbot.domain.work import Lane, Work


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that was said to a person directly, or answered where they pressed."""

    person: str
    said: Notice | Answer
    answer_to: str = ""


@dataclass(slots=True)
class RecordingNotifier:
    """The port `Notifier`: keeps everything it was given; `trouble` makes it fail."""

    told: list[Told] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    posted: list[str] = field(default_factory=list)
    nudges: list[Nudge] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    reviews: list[ReviewCard] = field(default_factory=list)
    reminders: list[ReviewCard] = field(default_factory=list)
    trouble: VendorError | None = None
    _serial: itertools.count[int] = field(default_factory=itertools.count)

    def show_card(self, card: Card, refs: tuple[MessageRef, ...]) -> tuple[MessageRef, ...]:
        """Keep a card."""
        self._raise()
        self.cards.append(card)
        return refs or (self._new("C-approvals"),)

    def tell(self, person: str, notice: Notice) -> None:
        """Keep a direct message."""
        self._raise()
        self.told.append(Told(person, notice))

    def nudge(self, nudge: Nudge, refs: tuple[MessageRef, ...]) -> None:  # noqa: ARG002 - the port's own signature
        """Keep a ping."""
        self._raise()
        self.nudges.append(nudge)

    def remark(self, request: Request, remark: Remark, refs: tuple[MessageRef, ...]) -> None:  # noqa: ARG002 - as above
        """Keep what was said about a request."""
        self._raise()
        self.remarks.append(remark)

    def show_review(self, card: ReviewCard, refs: tuple[MessageRef, ...]) -> tuple[MessageRef, ...]:
        """Keep the message about an emergency."""
        self._raise()
        self.reviews.append(card)
        return refs or (self._new("C-alerts"),)

    def remind_review(self, card: ReviewCard, refs: tuple[MessageRef, ...]) -> None:  # noqa: ARG002 - as above
        """Keep a reminder."""
        self._raise()
        self.reminders.append(card)

    def answer(self, person: str, answer: Answer, answer_to: str) -> None:
        """Keep an answer."""
        self._raise()
        self.told.append(Told(person, answer, answer_to))

    def alert(self, alert: Alert, refs: tuple[MessageRef, ...]) -> tuple[MessageRef, ...]:
        """Keep an alert; one without `refs` is posted, and so noticed."""
        self._raise()
        self.alerts.append(alert)
        if not refs:
            self.posted.append(str(alert.kind))
        return refs or (self._new("C-alerts"),)

    # --- what tests ask

    def notices(self, person: str) -> list[NoticeKind]:
        """Give what a person was told directly, in order."""
        return [each.said.kind for each in self.told if each.person == person and isinstance(each.said, Notice)]

    def last_notice(self, person: str) -> Notice:
        """Give the last direct message to a person."""
        return [each.said for each in self.told if each.person == person and isinstance(each.said, Notice)][-1]

    def answers(self, person: str) -> list[str]:
        """Give the sentences a person was answered with, in order."""
        return [each.said.sentence for each in self.told if each.person == person and isinstance(each.said, Answer)]

    def alerted(self, kind: AlertKind) -> list[Alert]:
        """Give every alert of a kind, in order."""
        return [alert for alert in self.alerts if alert.kind is kind]

    def _new(self, channel: str) -> MessageRef:
        return MessageRef(channel=channel, ts=str(next(self._serial)))

    def _raise(self) -> None:
        if self.trouble is not None:
            raise self.trouble


@dataclass(slots=True)
class FakeWorkspace:
    """The port `Workspace`: people and user groups in dictionaries; `refused` says why Slack does not vouch for one."""

    people: dict[str, SlackPerson] = field(default_factory=dict)
    groups: dict[str, frozenset[str]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    trouble: VendorError | None = None

    def person(self, slack_id: str) -> SlackPerson:
        """Look a person up."""
        if self.trouble is not None:
            raise self.trouble
        return self._vouched(slack_id)

    def by_email(self, email: str) -> SlackPerson:
        """Find a person by their address."""
        if self.trouble is not None:
            raise self.trouble
        found = next((one for one in self.people.values() if one.email.casefold() == email.casefold()), None)
        if found is None:
            raise Missing("Slack", "users.lookupByEmail", "Slack does not know that person.", what="user")
        return self._vouched(found.id)

    def in_usergroup(self, usergroup: str, slack_id: str) -> bool:
        """Tell whether a person is in a user group."""
        return slack_id in self.usergroup(usergroup)

    def usergroup(self, usergroup: str) -> frozenset[str]:
        """List a user group."""
        if self.trouble is not None:
            raise self.trouble
        return self.groups[usergroup]

    def _vouched(self, slack_id: str) -> SlackPerson:
        if slack_id in self.refused:
            raise Refused(self.refused[slack_id])
        return self.people[slack_id]


@dataclass(slots=True)
class FakeCatalog:
    """The port `CatalogSource`: what `published` holds comes into force at the next refresh."""

    now: Catalog
    published: Catalog | None = None

    def current(self) -> Catalog:
        """Give the catalog in force."""
        return self.now

    def refresh(self) -> bool:
        """Take the published catalog, if there is one."""
        if self.published is None:
            return False
        self.now, self.published = self.published, None
        return True

    def publish(self, catalog: Catalog) -> None:
        """Change the file: a process that has not read it again still works with the old one."""
        self.published = replace(catalog, hash=f"{self.now.hash}+")


@dataclass(slots=True)
class PlayedQueue:
    """The port `Queue`: keeps what is pushed for the test to run in order; it can lose or double everything."""

    works: deque[Work] = field(default_factory=deque)
    copies: int = 1

    def push(self, work: Work) -> None:
        """Take a work, as often as told to."""
        self.works.extend([work] * self.copies)

    def waiting(self, lane: Lane) -> int:
        """Count what waits."""
        return sum(work.lane is lane for work in self.works)
