"""A short life as evidence: asked, approved by two, given, ended by itself. Tests damage it in one place."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from accessbot.domain.model import (
    AuditEvent,
    EndCause,
    Grant,
    GrantState,
    Request,
    RequestState,
    Vote,
)
from tests.chaos.evidence import OURS, SIDES, Asked, Change, Evidence, Place, Terms, Told

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
GROUP, ADA = "aws-payments-admin@example.com", "ada@example.com"
GRANT, REQUEST, REASON = "g_1", "r_1", "fixing INC-42"
LIVED = timedelta(seconds=30)


def at(seconds: float) -> datetime:
    """Give a time by its seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def place(side: str) -> Place:
    """Give a side of the pair that the story is about."""
    return Place(side, GROUP, ADA)


def life() -> Evidence:
    """Tell a life in which everything holds; it is over 31 seconds after noon."""
    made = Evidence(Terms(sync_period=timedelta(seconds=20), approvals={"payments-admin": 2}))
    made.requests[REQUEST] = Request(
        id=REQUEST,
        requester="U_ADA",
        entitlement="payments-admin",
        duration=LIVED,
        reason=REASON,
        state=RequestState.APPROVED,
        created_at=at(-2),
        expires_at=at(3600),
        catalog_hash="c",
        email=ADA,
        announced=True,
        votes=(
            Vote(approver="U_BOB", email="bob@example.com", at=at(-1), google_id="2"),
            Vote(approver="U_CY", email="cy@example.com", at=at(-1), google_id="3"),
        ),
        decided_by="U_CY",
        decided_at=at(-1),
        grant_id=GRANT,
    )
    made.grants[GRANT] = Grant(
        id=GRANT,
        request_id=REQUEST,
        requester="U_ADA",
        email=ADA,
        entitlement="payments-admin",
        account_id="222233334444",
        account_name="Payments",
        permission_set="AdministratorAccess",
        google_group=GROUP,
        google_user_id="1",
        aws_group_id="a",
        aws_user_id="u",
        state=GrantState.REVOKED,
        duration=LIVED,
        approved_at=at(-1),
        starts_at=at(0),
        expires_at=at(30),
        activated_at=at(0),
        end_cause=EndCause.EXPIRED,
        ending_at=at(30),
        ended_at=at(31),
    )
    steps = [
        (-2.0, "request.submitted", REQUEST),
        (-1.5, "request.announced", REQUEST),
        (-1.2, "request.vote", REQUEST),
        (-1.0, "request.approved", REQUEST),
        (-1.0, "grant.provisioning", GRANT),
        (-0.8, "grant.intent", GRANT),
        (0.0, "grant.active", GRANT),
        (30.0, "grant.revoking", GRANT),
        (31.0, "grant.revoked", GRANT),
    ]
    made.events = [
        AuditEvent(seq=seq, time=at(when), actor="accessbot", action=action, subject=subject)
        for seq, (when, action, subject) in enumerate(steps, 1)
    ]
    made.changes = [Change(at(-0.5), place(side), "added", OURS, seen=6) for side in SIDES]
    made.changes += [Change(at(30.5), place(side), "removed", OURS, seen=8) for side in SIDES]
    made.asked = [Asked(at(-2), "U_ADA", REASON, clear=True)]
    made.told = [
        Told(at(0.1), "U_ADA", "Your access is ready: AdministratorAccess in Payments.", (GRANT,)),
        Told(at(31.1), "U_ADA", "Your access has ended: AdministratorAccess in Payments.", ()),
    ]
    made.cards = {REQUEST: "@ada asks for AdministratorAccess in Payments for 30 seconds. Ended: its time was over."}
    return made


def without(evidence: Evidence, action: str) -> None:
    """Take the events of an action out of the log."""
    evidence.events = [event for event in evidence.events if event.action != action]


def changed(evidence: Evidence, which: int, when: float, seen: int | None = None) -> None:
    """Move one change of a membership in time, and in the log."""
    old = evidence.changes[which]
    evidence.changes[which] = replace(old, at=at(when), seen=old.seen if seen is None else seen)
