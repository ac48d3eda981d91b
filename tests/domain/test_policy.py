"""Who may ask, who may decide, for how long."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessbot.domain import policy
from accessbot.domain.errors import FieldRefused, Missing, NotAuthorised, Refused, Unavailable, VendorError
from accessbot.domain.model import Selector, SelectorKind
from tests.domain.examples import CTO, ENTITLEMENT, EVERYONE, HOUR, LEADS, NOW, PRIYA, a_grant, a_policy, a_request

SECOND = timedelta(seconds=1)
AWAY = Unavailable("Google", "members.hasMember", "Google is down.")
FORBIDDEN = NotAuthorised("Google", "members.hasMember", "Not allowed.")
GONE = Missing("Google", "members.hasMember", "No such group.", what="group")


class Answers:
    """What each selector answers: yes, no, or an error; remembers who was asked."""

    def __init__(self, *answers: tuple[Selector, bool | VendorError]) -> None:
        self.answers = dict(answers)
        self.asked: list[Selector] = []

    def __call__(self, selector: Selector) -> bool:
        """Answer for a selector."""
        self.asked.append(selector)
        answer = self.answers[selector]
        if isinstance(answer, VendorError):
            raise answer
        return answer


def group(name: str) -> Selector:
    """Give a group selector."""
    return Selector(SelectorKind.GROUP, f"{name}@example.com")


@given(st.lists(st.sampled_from([True, False, "away", "forbidden", "gone"]), max_size=5))
def test_covers_is_yes_by_a_yes_no_by_all_noes_and_else_unknown(kinds: list[bool | str]) -> None:
    """One yes suffices whatever else fails; without a yes a failed look-up is raised, never read as no."""
    errors = {"away": AWAY, "forbidden": FORBIDDEN, "gone": GONE}
    answers = [(group(str(n)), errors[kind] if isinstance(kind, str) else kind) for n, kind in enumerate(kinds)]
    holds = Answers(*answers)
    selectors = [selector for selector, _ in answers]
    if True in kinds:
        assert policy.covers(selectors, holds)
    elif all(kind is False for kind in kinds):
        assert policy.covers(selectors, holds) is False
    else:
        with pytest.raises(VendorError) as unknown:
            policy.covers(selectors, holds)
        assert isinstance(unknown.value, Unavailable) is ("away" in kinds)


def test_what_costs_no_look_up_is_tried_first() -> None:
    """Everyone and named people are answered before any vendor is asked."""
    holds = Answers((LEADS, AWAY), (CTO, False), (EVERYONE, True))
    assert policy.covers((LEADS, CTO, EVERYONE), holds)
    assert LEADS not in holds.asked


def test_whoever_is_not_listed_may_not_ask() -> None:
    """A policy for some refuses the others, by its name."""
    some = replace(ENTITLEMENT, policy=a_policy(requesters=(LEADS,)))
    policy.check_requester(some, Answers((LEADS, True)))
    with pytest.raises(Refused, match="“sensitive” does not list you"):
        policy.check_requester(some, Answers((LEADS, False)))


def test_an_approver_may_decide() -> None:
    """Covered by any line of the approvers."""
    policy.check_decider(a_request(), ENTITLEMENT, PRIYA, (LEADS, CTO), Answers((LEADS, True), (CTO, False)))


@pytest.mark.parametrize(("slack", "email"), [("U_MAYA", "x@example.com"), ("U_X", "Maya@Example.com")])
def test_nobody_decides_on_their_own(slack: str, email: str) -> None:
    """Neither by Slack account nor by email in any case, and nobody is even looked up for it."""
    holds = Answers()
    with pytest.raises(Refused, match="your own request"):
        policy.check_decider(a_request(), ENTITLEMENT, replace(PRIYA, slack=slack, email=email), (LEADS, CTO), holds)
    assert holds.asked == []


def test_whoever_is_no_approver_reads_who_is() -> None:
    """The refusal names the approvers, not raw notation."""
    with pytest.raises(Refused, match=r"approvers are: sre-leads@example\.com, cto@example\.com"):
        policy.check_decider(a_request(), ENTITLEMENT, PRIYA, (LEADS, CTO), Answers((LEADS, False), (CTO, False)))


def test_everyone_is_said_as_a_word() -> None:
    """A list of selectors is written for people."""
    assert policy.listed((EVERYONE, CTO)) == "everyone, cto@example.com"


@pytest.mark.parametrize(
    ("duration", "said"),
    [
        (5 * SECOND, None),
        (8 * HOUR, None),
        (4 * SECOND, "shortest grant is 5 s"),
        (8 * HOUR + SECOND, "allows at most 8 h"),
    ],
)
def test_a_duration_is_within_the_policy(duration: timedelta, said: str | None) -> None:
    """Both ends are allowed, a second beyond either is refused on the field."""
    if said is None:
        policy.check_duration(a_policy(), duration, 5 * SECOND)
        return
    with pytest.raises(FieldRefused, match=said) as refusal:
        policy.check_duration(a_policy(), duration, 5 * SECOND)
    assert refusal.value.field == "duration"


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 3600))
def test_what_is_offered_is_what_is_allowed(default_min: int, max_min: int, shortest_s: int) -> None:
    """Every choice of the form would be accepted; the default and the maximum are among them, in order, each once."""
    most = timedelta(minutes=max(default_min, max_min))
    made = a_policy(default_duration=timedelta(minutes=min(default_min, max_min)), max_duration=most)
    shortest = min(timedelta(seconds=shortest_s), made.default_duration)
    offered = policy.durations_offered(made, shortest)
    assert list(offered) == sorted(set(offered))
    assert {made.default_duration, most} <= set(offered)
    for choice in offered:
        policy.check_duration(made, choice, shortest)


@pytest.mark.parametrize("reason", ["", "  \n\t "])
def test_a_reason_is_needed(reason: str) -> None:
    """White space is no reason."""
    with pytest.raises(FieldRefused) as refusal:
        policy.check_reason(reason)
    assert refusal.value.field == "reason"


def test_a_reason_is_taken_as_it_is() -> None:
    """Colons, markup and 1,000 characters are fine; one more is refused, with the number."""
    assert policy.check_reason("  INC-42: <b> a: b  ") == "INC-42: <b> a: b"
    assert policy.check_reason("x" * 1000) == "x" * 1000
    with pytest.raises(FieldRefused, match="1,000 characters; it has 1,001"):
        policy.check_reason("x" * 1001)


@given(st.integers(1, 480), st.integers(1, 480), st.integers(0, 480))
def test_an_extension_keeps_within_the_maximum_from_the_start(held_min: int, added_min: int, gone_min: int) -> None:
    """However much time has passed: what is accepted never makes the total more than the maximum, and all of it may."""
    grant = a_grant(expires_at=NOW + timedelta(minutes=held_min))
    added, now = timedelta(minutes=added_min), NOW + timedelta(minutes=gone_min)
    fits = gone_min < held_min and held_min + added_min <= 480
    if fits:
        policy.check_extension(grant, a_policy(), added, SECOND, now)
    else:
        with pytest.raises(FieldRefused):
            policy.check_extension(grant, a_policy(), added, SECOND, now)


@given(st.integers(1, 480), st.integers(1, 7200))
def test_what_is_offered_to_extend_is_accepted(held_min: int, shortest_s: int) -> None:
    """Every choice of the extend form is accepted, the last is all that is left; with none left there is no choice."""
    grant, shortest = a_grant(expires_at=NOW + timedelta(minutes=held_min)), timedelta(seconds=shortest_s)
    offered = policy.extensions_offered(grant, a_policy(), shortest)
    left = policy.extension_left(grant, a_policy())
    assert bool(offered) is (left >= shortest)
    for choice in offered:
        policy.check_extension(grant, a_policy(), choice, shortest, NOW)
    assert not offered or offered[-1] == left


def test_a_policy_made_stricter_leaves_nothing_to_extend() -> None:
    """Where a grant is longer than its policy allows now, nothing is left, and not less than nothing."""
    assert policy.extension_left(a_grant(expires_at=NOW + 9 * HOUR), a_policy()) == timedelta(0)


@pytest.mark.parametrize(
    ("added", "gone", "said"),
    [
        (HOUR, HOUR, "has ended"),
        (8 * HOUR, timedelta(0), "At most 7 h"),
        (SECOND, timedelta(0), "shortest extension is 5 s"),
    ],
)
def test_a_refused_extension_says_why(added: timedelta, gone: timedelta, said: str) -> None:
    """Ended, too long, too short: each in its own words, on the field."""
    with pytest.raises(FieldRefused, match=said):
        policy.check_extension(a_grant(), a_policy(), added, 5 * SECOND, NOW + gone)
