"""The two transition tables, row by row, and what each step writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from accessbot.domain import lifecycle, progress
from accessbot.domain.errors import IllegalTransition
from accessbot.domain.judged import Judged, Panel
from accessbot.domain.lifecycle import GrantStep, RequestStep
from accessbot.domain.model import (
    EndCause,
    Grant,
    GrantState,
    Remark,
    RemarkKind,
    Request,
    RequestKind,
    RequestState,
    Vote,
)
from tests.domain.examples import ENTITLEMENT, HOUR, NOW, a_grant, a_request

VOTE = Vote(approver="U_PRIYA", email="priya@example.com", at=NOW)
LATER = NOW + timedelta(minutes=1)
MORE = a_request(id="r_2", kind=RequestKind.EXTEND, duration=HOUR, grant_id="g_1")

STAYS = {(RequestState.PENDING, RequestState.PENDING)}
PANEL = Panel(("priya@example.com", "U_TOMAS"), ("on-call:payments",))
QUESTION = Remark(kind=RemarkKind.QUESTION, who="U_PRIYA", at=LATER, text="Why now?")

REQUEST_STEPS: dict[str, tuple[Callable[[Request], RequestStep], set[tuple[RequestState, RequestState]]]] = {
    "announced": (
        lambda r: lifecycle.announced(r, "maya@example.com", LATER),
        {(RequestState.PENDING, RequestState.PENDING)},
    ),
    "voted": (lambda r: lifecycle.voted(r, VOTE), {(RequestState.PENDING, RequestState.PENDING)}),
    "approved": (
        lambda r: lifecycle.approved(r, VOTE, LATER, "g_1"),
        {(RequestState.PENDING, RequestState.APPROVED)},
    ),
    "auto_approved": (
        lambda r: lifecycle.auto_approved(r, LATER, "g_1", "by the rule “on call”"),
        {(RequestState.PENDING, RequestState.APPROVED)},
    ),
    "confirmed": (lambda r: progress.confirmed(r, LATER), STAYS),
    "step_begun": (lambda r: progress.step_begun(r, 1, PANEL, LATER), STAYS),
    "escalated": (lambda r: progress.escalated(r, PANEL, LATER), STAYS),
    "rejudged": (lambda r: progress.rejudged(r, Judged("late", "two-people", "", PANEL), 0, LATER), STAYS),
    "made_emergency": (lambda r: progress.made_emergency(r, HOUR / 2, "INC-43", LATER), STAYS),
    "stepped_down": (lambda r: progress.stepped_down(r, LATER, "too often"), STAYS),
    "remarked": (lambda r: progress.remarked(r, QUESTION), STAYS),
    "denied": (lambda r: lifecycle.denied(r, "U_PRIYA", LATER, "no"), {(RequestState.PENDING, RequestState.DENIED)}),
    "cancelled": (lambda r: lifecycle.cancelled(r, "U_MAYA", LATER), {(RequestState.PENDING, RequestState.CANCELLED)}),
    "expired": (lambda r: lifecycle.expired(r, LATER, "late"), {(RequestState.PENDING, RequestState.EXPIRED)}),
}

GRANT_STEPS: dict[str, tuple[Callable[[Grant], GrantStep], set[tuple[GrantState, GrantState]]]] = {
    "pinned": (
        lambda g: lifecycle.pinned(
            g, google_user_id="1", email=g.email, aws_group_id="G", aws_user_id="U", session=HOUR, at=LATER
        ),
        {(GrantState.PROVISIONING, GrantState.PROVISIONING)},
    ),
    "activated": (lambda g: lifecycle.activated(g, LATER), {(GrantState.PROVISIONING, GrantState.ACTIVE)}),
    "extended": (lambda g: lifecycle.extended(g, MORE, "U_PRIYA", LATER), {(GrantState.ACTIVE, GrantState.ACTIVE)}),
    "rescheduled": (
        lambda g: lifecycle.rescheduled(g, LATER + HOUR, LATER),
        {(GrantState.PROVISIONING, GrantState.PROVISIONING), (GrantState.ACTIVE, GrantState.ACTIVE)},
    ),
    "ending": (
        lambda g: lifecycle.ending(g, EndCause.EXPIRED, lifecycle.SYSTEM, LATER),
        {(GrantState.PROVISIONING, GrantState.REVOKING), (GrantState.ACTIVE, GrantState.REVOKING)},
    ),
    "revoked": (lambda g: lifecycle.revoked(g, LATER), {(GrantState.REVOKING, GrantState.REVOKED)}),
    "given_up": (
        lambda g: lifecycle.given_up(g, "it broke", LATER),
        {(GrantState.PROVISIONING, GrantState.PROVISIONING)},
    ),
    "failed": (lambda g: lifecycle.failed(g, LATER), {(GrantState.PROVISIONING, GrantState.PROVISION_FAILED)}),
    "vouched": (
        lambda g: lifecycle.vouched(g, "cli:root", LATER, "the group is gone"),
        {(GrantState.REVOKING, GrantState.REVOKING)},
    ),
}


@pytest.mark.parametrize("name", REQUEST_STEPS)
@pytest.mark.parametrize("state", list(RequestState))
def test_every_step_of_a_request_from_every_state(name: str, state: RequestState) -> None:
    """A step goes where the table says, and from every other state it is refused."""
    step, allowed = REQUEST_STEPS[name]
    goals = {after for before, after in allowed if before is state}
    if not goals:
        with pytest.raises(IllegalTransition):
            step(a_request(state=state))
        return
    done = step(a_request(state=state, waiting_for="Google"))
    assert {done.record.state} == goals
    assert done.record.waiting_for == ""
    assert done.event.after == str(done.record.state)
    assert done.event.before == str(state)
    assert (done.event.subject, done.event.person, done.event.entitlement) == ("r_1", "U_MAYA", "production-admin")


@pytest.mark.parametrize("name", GRANT_STEPS)
@pytest.mark.parametrize("state", list(GrantState))
def test_every_step_of_a_grant_from_every_state(name: str, state: GrantState) -> None:
    """A step goes where the table says, and from every other state it is refused."""
    step, allowed = GRANT_STEPS[name]
    goals = {after for before, after in allowed if before is state}
    if not goals:
        with pytest.raises(IllegalTransition):
            step(a_grant(state=state))
        return
    done = step(a_grant(state=state))
    assert {done.record.state} == goals
    assert (done.event.before, done.event.after) == (str(state), str(done.record.state))
    assert (done.event.subject, done.event.person, done.event.entitlement) == ("g_1", "U_MAYA", "production-admin")


def test_the_tables_hold_these_rows_and_no_others() -> None:
    """Both tables are what the steps can do: each row is reached by a step, and no step goes beyond them."""
    requests = {row for _, rows in REQUEST_STEPS.values() for row in rows if row[0] is not row[1]}
    grants = {row for _, rows in GRANT_STEPS.values() for row in rows if row[0] is not row[1]}
    assert requests == {(a, b) for a, goals in lifecycle.REQUEST_TRANSITIONS.items() for b in goals}
    assert grants == {(a, b) for a, goals in lifecycle.GRANT_TRANSITIONS.items() for b in goals}
    assert set(lifecycle.REQUEST_TRANSITIONS) == set(RequestState)
    assert set(lifecycle.GRANT_TRANSITIONS) == set(GrantState)


def test_the_first_events_have_nothing_before_them() -> None:
    """Where a record begins there is no state before."""
    assert lifecycle.submitted(a_request()).event.before is None
    begun = lifecycle.granted(a_request(), ENTITLEMENT, "g_1", NOW, LATER)
    assert begun.event.before is None
    assert begun.record.state is GrantState.PROVISIONING
    assert (begun.record.approved_at, begun.record.starts_at) == (NOW, LATER)
    assert begun.record.expires_at == LATER + HOUR
    assert begun.record.pair == ""


def test_ids_are_pinned_once() -> None:
    """A grant keeps the ids that it was made with."""
    pinned = GRANT_STEPS["pinned"][0](a_grant()).record
    assert pinned.pair == "aws-production-admin@example.com/1"
    with pytest.raises(IllegalTransition):
        GRANT_STEPS["pinned"][0](pinned)


def test_nobody_votes_twice() -> None:
    """A second vote of one person is no vote."""
    once = lifecycle.voted(a_request(), VOTE).record
    with pytest.raises(IllegalTransition):
        lifecycle.voted(once, VOTE)


def test_time_counts_from_the_activation() -> None:
    """Start and end are set anew when access is usable."""
    active = lifecycle.activated(a_grant(), LATER).record
    assert (active.activated_at, active.starts_at, active.expires_at) == (LATER, LATER, LATER + HOUR)


def test_an_ended_grant_is_not_extended() -> None:
    """From the moment its time is over there is nothing to extend."""
    active = lifecycle.activated(a_grant(), NOW).record
    last = active.expires_at - timedelta(milliseconds=1)
    assert lifecycle.extended(active, MORE, "U_PRIYA", last).record.expires_at == active.expires_at + HOUR
    with pytest.raises(IllegalTransition):
        lifecycle.extended(active, MORE, "U_PRIYA", active.expires_at)


def test_the_first_reason_for_giving_up_is_kept() -> None:
    """Given up again, a grant keeps why and since when."""
    first = lifecycle.given_up(a_grant(), "first", NOW).record
    again = lifecycle.given_up(first, "second", LATER).record
    assert (again.failure, again.ending_at) == ("first", NOW)


@pytest.mark.parametrize("state", list(GrantState))
@pytest.mark.parametrize("failure", ["", "it broke"])
@pytest.mark.parametrize("over", [False, True])
def test_what_is_wanted(state: GrantState, failure: str, over: bool) -> None:  # noqa: FBT001 - given by pytest
    """A membership is wanted while its grant comes or is active, did not fail, and has time left; to the instant."""
    grant = a_grant(state=state, failure=failure)
    now = grant.expires_at if over else grant.expires_at - timedelta(milliseconds=1)
    live = state in (GrantState.PROVISIONING, GrantState.ACTIVE)
    assert lifecycle.is_wanted(grant, now) is (live and not failure and not over)


@pytest.mark.parametrize("state", list(GrantState))
def test_what_has_ended(state: GrantState) -> None:
    """A grant has ended exactly where nothing follows."""
    assert a_grant(state=state).ended is (not lifecycle.GRANT_TRANSITIONS[state])


def test_refusals_change_no_state() -> None:
    """A refused press is an event with the same state before and after."""
    click = lifecycle.refused_click(a_request(), "U_NOAH", NOW, "approve", "no")
    revoke = lifecycle.refused_revoke(a_grant(), "U_NOAH", NOW, "no")
    assert (click.action, click.before, click.after) == ("request.approve_refused", "pending", "pending")
    assert (revoke.action, revoke.before, revoke.after) == ("grant.revoke_refused", "provisioning", "provisioning")
