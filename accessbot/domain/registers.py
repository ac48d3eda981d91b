"""How reviews, delegations and freezes change: each step gives the changed record and the event that tells of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from accessbot.domain.errors import IllegalTransition
from accessbot.domain.instants import from_ms, to_ms
from accessbot.domain.lifecycle import SYSTEM
from accessbot.domain.model import AuditEvent
from accessbot.domain.records import Delegation, Freeze, Review, ReviewState

if TYPE_CHECKING:
    from datetime import datetime

    from accessbot.domain.model import Grant


REGISTERED = ("review.", "delegation.", "freeze.")
"""How the actions of these events begin."""


class ReviewStep(NamedTuple):
    """A changed review and the event that tells of it."""

    record: Review
    event: AuditEvent


class DelegationStep(NamedTuple):
    """A changed delegation and the event that tells of it."""

    record: Delegation
    event: AuditEvent


class FreezeStep(NamedTuple):
    """A changed freeze and the event that tells of it."""

    record: Freeze
    event: AuditEvent


def review_opened(grant: Grant, review_id: str, policy: str, incident: str, at: datetime) -> ReviewStep:
    """Begin the review of an emergency, in the same step as its grant."""
    review = Review(
        id=review_id,
        grant_id=grant.id,
        request_id=grant.request_id,
        requester=grant.requester,
        email=grant.email,
        entitlement=grant.entitlement,
        policy=policy,
        incident=incident,
        opened_at=at,
    )
    event = AuditEvent(
        time=at,
        actor=SYSTEM,
        action="review.opened",
        subject=review_id,
        person=grant.requester,
        entitlement=grant.entitlement,
        after=str(ReviewState.OPEN),
        data=MappingProxyType(
            {
                "grant": grant.id,
                "request": grant.request_id,
                "email": grant.email,
                "policy": policy,
                "incident": incident,
            }
        ),
    )
    return ReviewStep(review, event)


def review_closed(review: Review, state: ReviewState, actor: str, at: datetime, reason: str) -> ReviewStep:
    """Close a review, justified or not, for good."""
    if review.state is not ReviewState.OPEN or state is ReviewState.OPEN:
        msg = f"review {review.id} is {review.state}: it cannot become {state}"
        raise IllegalTransition(msg)
    new = replace(review, state=state, closed_by=actor, closed_at=at, reason=reason)
    event = AuditEvent(
        time=at,
        actor=actor,
        action=f"review.{state}",
        subject=review.id,
        person=review.requester,
        entitlement=review.entitlement,
        reason=reason,
        before=str(review.state),
        after=str(state),
    )
    return ReviewStep(new, event)


def delegated(
    old: Delegation | None, person: str, delegate: str, begins: datetime, ends: datetime, *, actor: str, at: datetime
) -> DelegationStep:
    """Leave a person's decisions in a delegate's hands between two times; it replaces the one before."""
    new = Delegation(key=person, rev=old.rev if old else 0, delegate=delegate, begins=begins, ends=ends)
    event = AuditEvent(
        time=at,
        actor=actor,
        action="delegation.set",
        subject=person,
        person=delegate,
        reason=f"to {delegate} from {begins.isoformat()} until {ends.isoformat()}",
        data=MappingProxyType({"delegate": delegate, "begins_ms": to_ms(begins), "ends_ms": to_ms(ends)}),
    )
    return DelegationStep(new, event)


def frozen(old: Freeze | None, key: str, actor: str, at: datetime, reason: str) -> FreezeStep:
    """Hold back new access."""
    new = Freeze(key=key, rev=old.rev if old else 0, by=actor, at=at, reason=reason)
    return FreezeStep(new, AuditEvent(time=at, actor=actor, action="freeze.set", subject=key, reason=reason))


def thawed(freeze: Freeze, actor: str, at: datetime, reason: str) -> FreezeStep:
    """Let new access through again."""
    new = replace(freeze, lifted=True)
    return FreezeStep(new, AuditEvent(time=at, actor=actor, action="freeze.lifted", subject=freeze.key, reason=reason))


@dataclass(slots=True)
class Registers:
    """The reviews, delegations and freezes as the events so far leave them, made again from the log."""

    reviews: dict[str, Review] = field(default_factory=dict)
    delegations: dict[str, Delegation] = field(default_factory=dict)
    freezes: dict[str, Freeze] = field(default_factory=dict)

    def take(self, event: AuditEvent) -> None:
        """Take in the next event. Raises `ValueError` for one that cannot follow, or does not say enough."""
        match event.action:
            case "review.opened":
                self.reviews[event.subject] = _opened(event)
            case "review.justified" | "review.not_justified":
                review = self.reviews.get(event.subject)
                if review is None:
                    raise ValueError("its beginning is not in the log")
                state = ReviewState(event.action.partition(".")[2])
                self.reviews[event.subject] = replace(
                    review, state=state, closed_by=event.actor, closed_at=event.time, reason=event.reason
                )
            case "review.reminded":
                review = self.reviews.get(event.subject)
                if review is not None:
                    self.reviews[event.subject] = replace(review, reminded=int(event.data["number"]))
            case "delegation.set":
                begins, ends = (from_ms(int(event.data[name])) for name in ("begins_ms", "ends_ms"))
                delegate = str(event.data["delegate"])
                self.delegations[event.subject] = Delegation(
                    key=event.subject, delegate=delegate, begins=begins, ends=ends
                )
            case "freeze.set":
                self.freezes[event.subject] = Freeze(
                    key=event.subject, by=event.actor, at=event.time, reason=event.reason
                )
            case "freeze.lifted":
                freeze = self.freezes.get(event.subject)
                if freeze is None:
                    raise ValueError("its beginning is not in the log")
                self.freezes[event.subject] = replace(freeze, lifted=True)
            case _:
                pass  # a refusal changes nothing that has to be made again

    def records(self) -> tuple[Review | Delegation | Freeze, ...]:
        """Give all of them, always in the same order."""
        return (*self.reviews.values(), *self.delegations.values(), *self.freezes.values())


def _opened(event: AuditEvent) -> Review:
    told = {name: str(event.data.get(name, "")) for name in ("grant", "request", "email", "policy", "incident")}
    return Review(
        id=event.subject,
        grant_id=told["grant"],
        request_id=told["request"],
        requester=event.person,
        email=told["email"],
        entitlement=event.entitlement,
        policy=told["policy"],
        incident=told["incident"],
        opened_at=event.time,
    )
