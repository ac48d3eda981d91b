"""What a change of the catalog means for people: gains, losses, and what can be either."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessbot.domain.differences import Difference, differences, may_widen
from accessbot.domain.model import Catalog, Selector, SelectorKind
from accessbot.domain.oncall import Feed, Rotation, RotationGrant, Schedule
from accessbot.domain.rules import Condition, Effect, Emergency, Policy, Rule, Step, Ticket
from accessbot.domain.signs import Sign
from tests.domain.examples import CTO, EVERYONE, HOUR, LEADS, a_policy
from tests.domain.ruling import MAYA, NOAH, ONCALL, PRODUCTION, SRE, STOCKHOLM, a_rule

GAIN, LOSS, EITHER, NEITHER = Sign.GAIN, Sign.LOSS, Sign.EITHER, Sign.NEITHER
PLAIN = a_policy(requesters=(SRE,))
BREAK_GLASS = Emergency(
    name="break-glass",
    eligible=(ONCALL,),
    owners=(LEADS,),
    incident=r"INC-\d+",
    default_duration=HOUR / 2,
    max_duration=HOUR,
)
OPS = Ticket(pattern=r"OPS-\d+")
TURNS = Rotation(people=(MAYA, NOAH), every=timedelta(days=7), since=datetime(2026, 1, 5, 9), zone=STOCKHOLM)  # noqa: DTZ001 - a wall clock's time
TWO_STEPS = (Step(approvers=(LEADS,)), Step(approvers=(CTO,)))


def a_catalog(policy: Policy = PLAIN, *, tags: dict[str, str] | None = None, **given: Any) -> Catalog:  # noqa: ANN401 - any field
    """Give a catalog of one entitlement with a policy."""
    entitlement = replace(PRODUCTION, policy=policy, tags=tags or {})
    usual: dict[str, Any] = {
        "hash": "",
        "admins": (LEADS,),
        "reconcile": "report",
        "accounts": {"production": entitlement.account},
        "entitlements": {entitlement.id: entitlement},
        "policies": {policy.name: policy},
    }
    return Catalog(**(usual | given))


def signed(old: Catalog, new: Catalog) -> list[tuple[Sign, str]]:
    """List what differs, without what it is about."""
    return [(each.sign, each.text) for each in differences(old, new)]


def step(**given: Any) -> Policy:  # noqa: ANN401 - any field
    """Give the policy with another single step."""
    return replace(PLAIN, steps=(replace(PLAIN.steps[0], **given),))


POLICIES: dict[str, tuple[Policy, Policy, list[tuple[Sign, str]]]] = {
    "its name alone": (PLAIN, replace(PLAIN, name="other"), []),
    "the order of its people": (PLAIN, step(approvers=(CTO, LEADS)), []),
    "requesters": (
        PLAIN,
        replace(PLAIN, requesters=(MAYA,)),
        [
            (GAIN, "may be asked for by user:maya@example.com"),
            (LOSS, "may no longer be asked for by group:sre@example.com"),
        ],
    ),
    "requesters beside everyone": (
        replace(PLAIN, requesters=(EVERYONE,)),
        replace(PLAIN, requesters=(EVERYONE, SRE)),
        [],
    ),
    "everyone": (
        PLAIN,
        replace(PLAIN, requesters=(EVERYONE,)),
        [(GAIN, "may be asked for by everyone, not just by group:sre@example.com")],
    ),
    "everyone no more": (
        replace(PLAIN, requesters=(EVERYONE,)),
        PLAIN,
        [(LOSS, "may be asked for by group:sre@example.com alone, no longer by everyone")],
    ),
    "approvers": (
        PLAIN,
        step(approvers=(LEADS,)),
        [(LOSS, "may no longer be decided by user:cto@example.com")],
    ),
    "approvals": (PLAIN, step(approvals=2), [(LOSS, "takes 2 approvals instead of 1")]),
    "an escalation": (
        step(timeout=HOUR),
        step(timeout=HOUR, escalation=(SRE,)),
        [(GAIN, "may be decided by group:sre@example.com when nobody else does in time")],
    ),
    "a sooner end": (
        step(timeout=2 * HOUR),
        step(timeout=HOUR),
        [(LOSS, "waits 1 h for a decision instead of waits 2 h")],
    ),
    "a sooner escalation": (
        step(timeout=2 * HOUR, escalation=(SRE,)),
        step(timeout=HOUR, escalation=(SRE,)),
        [(GAIN, "waits 1 h for a decision instead of waits 2 h")],
    ),
    "a limit where there was none": (
        PLAIN,
        step(timeout=HOUR),
        [(LOSS, "waits 1 h for a decision instead of waits without a limit of its own")],
    ),
    "who is told": (PLAIN, step(told=(MAYA,)), [(NEITHER, "tells user:maya@example.com")]),
    "the approvers of a second step": (
        replace(PLAIN, steps=TWO_STEPS),
        replace(PLAIN, steps=(TWO_STEPS[0], Step(approvers=(CTO, LEADS)))),
        [(GAIN, "may be decided in step 2 by group:sre-leads@example.com")],
    ),
    "a second step": (
        PLAIN,
        replace(PLAIN, steps=TWO_STEPS),
        [
            (LOSS, "decided in 2 steps instead of 1"),
            (LOSS, "takes 2 approvals instead of 1"),
            (EITHER, "its steps are 1 of group:sre-leads@example.com; 1 of user:cto@example.com"),
        ],
    ),
    "one person for two steps": (
        PLAIN,
        replace(PLAIN, distinct=False),
        [(GAIN, "one person may count in several steps")],
    ),
    "no delegates": (
        PLAIN,
        replace(PLAIN, delegation=False),
        [(LOSS, "no longer: approvers who are away may have somebody decide")],
    ),
    "a longer maximum": (
        PLAIN,
        replace(PLAIN, max_duration=9 * HOUR),
        [(GAIN, "at most 9 h at once instead of 8 h")],
    ),
    "the usual time": (
        PLAIN,
        replace(PLAIN, default_duration=2 * HOUR),
        [(NEITHER, "2 h unless chosen instead of 1 h")],
    ),
    "a list of times": (
        PLAIN,
        replace(PLAIN, durations=(HOUR,)),
        [(LOSS, "for 1 h alone, no longer for any time up to the maximum")],
    ),
    "another list of times": (
        replace(PLAIN, durations=(HOUR, 2 * HOUR)),
        replace(PLAIN, durations=(HOUR, 4 * HOUR)),
        [(GAIN, "also for 4 h"), (LOSS, "no longer for 2 h")],
    ),
    "a total for a day": (
        PLAIN,
        replace(PLAIN, per_day=2 * HOUR),
        [(LOSS, "at most 2 h in 24 hours instead of any")],
    ),
    "no total for a day": (
        replace(PLAIN, per_day=2 * HOUR),
        PLAIN,
        [(GAIN, "any time in 24 hours instead of 2 h")],
    ),
    "a pause": (
        PLAIN,
        replace(PLAIN, cool_down=HOUR),
        [(LOSS, "a pause of 1 h after an end instead of nothing")],
    ),
    "a ticket": (PLAIN, replace(PLAIN, ticket=OPS), [(LOSS, r"needs a ticket like OPS-\d+")]),
    "no ticket": (replace(PLAIN, ticket=OPS), PLAIN, [(GAIN, "needs no ticket any more")]),
    "a ticket that is checked": (
        replace(PLAIN, ticket=OPS),
        replace(PLAIN, ticket=replace(OPS, check="https://tickets.example.com/allowed")),
        [(EITHER, r"needs a ticket like OPS-\d+, instead of OPS-\d+")],
    ),
    "how long a check may take": (
        replace(PLAIN, ticket=OPS),
        replace(PLAIN, ticket=replace(OPS, timeout=timedelta(seconds=5))),
        [(NEITHER, "a ticket is checked within 5 s instead of 3 s")],
    ),
    "emergencies": (
        PLAIN,
        replace(PLAIN, emergency=BREAK_GLASS),
        [(GAIN, "in an emergency, at once, for on-call:payments")],
    ),
    "who is eligible": (
        replace(PLAIN, emergency=BREAK_GLASS),
        replace(PLAIN, emergency=replace(BREAK_GLASS, eligible=(SRE,))),
        [(GAIN, "in an emergency, at once, for group:sre@example.com"), (LOSS, "in no emergency for on-call:payments")],
    ),
    "more emergencies": (
        replace(PLAIN, emergency=BREAK_GLASS),
        replace(PLAIN, emergency=replace(BREAK_GLASS, most=5)),
        [(GAIN, "5 emergencies of one person in 7 days at most, not 3 in 7 days")],
    ),
    "more emergencies in a longer time": (
        replace(PLAIN, emergency=BREAK_GLASS),
        replace(PLAIN, emergency=replace(BREAK_GLASS, most=5, within=timedelta(days=14))),
        [(EITHER, "5 emergencies of one person in 14 days at most, not 3 in 7 days")],
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), POLICIES.values(), ids=POLICIES)
def test_a_policy(old: Policy, new: Policy, expected: list[tuple[Sign, str]]) -> None:
    """Each part of a policy is told with which way it goes."""
    assert signed(a_catalog(old), a_catalog(new)) == expected


@pytest.mark.parametrize(("old", "new", "expected"), POLICIES.values(), ids=POLICIES)
def test_the_way_back_is_the_other_way(old: Policy, new: Policy, expected: list[tuple[Sign, str]]) -> None:
    """What is a gain one way is a loss the other way; nothing is a gain both ways."""
    back = [sign for sign, _ in signed(a_catalog(new), a_catalog(old))]
    assert sorted(sign.turned for sign in back) == sorted(sign for sign, _ in expected)


DENY = a_rule(Effect.DENY, name="closed", accounts=("production",))
APPROVE = a_rule(name="at once", requesters=(ONCALL,), entitlements=("production-*",))
TICKET = a_rule(Effect.POLICY, name="ticket", accounts=("*",), ticket=OPS)

RULES: dict[str, tuple[tuple[Rule, ...], tuple[Rule, ...], list[tuple[Sign, str]]]] = {
    "a new deny": ((), (DENY,), [(LOSS, "added: “closed” denies on every entitlement")]),
    "a deny less": ((DENY,), (), [(GAIN, "removed: “closed” denies on every entitlement")]),
    "a new approval": (
        (),
        (APPROVE,),
        [(GAIN, "added: “at once” approves at once for on-call:payments on every entitlement")],
    ),
    "a new approval with a ticket": (
        (),
        (replace(APPROVE, ticket=OPS),),
        [(EITHER, "added: “at once” approves at once with a ticket for on-call:payments on every entitlement")],
    ),
    "a rule that leads elsewhere": (
        (),
        (TICKET,),
        [(EITHER, "added: “ticket” leaves it to the own policy with a ticket on every entitlement")],
    ),
    "a rule about nothing": (
        (),
        (a_rule(name="none", accounts=("other*",)),),
        [(GAIN, "added: “none” approves at once on no entitlement")],
    ),
    "another condition": (
        (DENY,),
        (replace(DENY, when=Condition(accounts=("production",), above=HOUR)),),
        [(EITHER, "changed (when): “closed” denies on every entitlement")],
    ),
    "another reason": ((DENY,), (replace(DENY, reason="Shut."),), [(NEITHER, "says or tells otherwise: “closed”")]),
    "another order of what decides": (
        (APPROVE, TICKET),
        (TICKET, APPROVE),
        [(EITHER, "reordered: “ticket”, “at once”")],
    ),
    "another order of denials": (
        (DENY, replace(DENY, name="too")),
        (replace(DENY, name="too"), DENY),
        [(NEITHER, "reordered: “too”, “closed”")],
    ),
    "denials among the others": ((DENY, APPROVE), (APPROVE, DENY), []),
    "a rule's policy": (
        (replace(TICKET, policy=PLAIN),),
        (replace(TICKET, policy=replace(PLAIN, max_duration=9 * HOUR)),),
        [(GAIN, "“ticket” leads to “sensitive”: at most 9 h at once instead of 8 h")],
    ),
    "another policy": (
        (replace(TICKET, policy=PLAIN),),
        (replace(TICKET, policy=replace(PLAIN, name="two")),),
        [(EITHER, "changed (policy): “ticket” leaves it to the policy “two” with a ticket on every entitlement")],
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), RULES.values(), ids=RULES)
def test_rules(old: tuple[Rule, ...], new: tuple[Rule, ...], expected: list[tuple[Sign, str]]) -> None:
    """Rules that come, go, change or change places are told with what they do and to what."""
    assert signed(a_catalog(rules=old), a_catalog(rules=new)) == expected


def test_entitlements_come_and_go() -> None:
    """A new entitlement is a gain of those who may ask for it, one that goes their loss."""
    glass = a_catalog(replace(PLAIN, emergency=BREAK_GLASS))
    none = a_catalog(entitlements={})
    asked = "group:sre@example.com for up to 8 h; in an emergency, at once, by on-call:payments"
    assert differences(none, glass) == (Difference(PRODUCTION.id, GAIN, f"added: may be asked for by {asked}"),)
    assert differences(glass, none) == (Difference(PRODUCTION.id, LOSS, f"removed: could be asked for by {asked}"),)


def test_what_an_entitlement_opens_can_be_either() -> None:
    """Nothing tells whether another account or permission set is more."""
    other = replace(PRODUCTION, policy=PLAIN, tags={}, permission_set="Other")
    ((sign, text),) = signed(a_catalog(), a_catalog(entitlements={other.id: other}))
    assert sign is EITHER
    assert text.startswith("opens 111122223333/Other/")


def test_tags_matter_where_there_are_rules() -> None:
    """With other tags other rules may match; without rules nothing does."""
    tagged: dict[str, Any] = {"tags": {"risk": "low"}}
    assert [sign for sign, _ in signed(a_catalog(), a_catalog(**tagged))] == [NEITHER]
    assert [sign for sign, _ in signed(a_catalog(rules=(DENY,)), a_catalog(rules=(DENY,), **tagged))] == [EITHER]


def test_administrators_and_strangers() -> None:
    """Administrators who come and go, and what is done with members without a grant, are told."""
    assert signed(a_catalog(), a_catalog(admins=(CTO,), reconcile="remove")) == [
        (GAIN, "becomes an administrator: user:cto@example.com"),
        (LOSS, "is no administrator any more: group:sre-leads@example.com"),
        (LOSS, "members without a grant: “remove” instead of “report”"),
    ]
    assert [s for s, _ in signed(a_catalog(reconcile="remove"), a_catalog())] == [EITHER]


def schedule(**given: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    """Give a catalog's schedules with one rotation."""
    return {"schedules": {"payments": Schedule(name="payments", source=replace(TURNS, **given))}}


def test_on_call() -> None:
    """Who takes turns, from where it is read, and what the shift brings without a request."""
    held: dict[str, Any] = {
        "rotation_grants": (RotationGrant(schedule="payments", entitlements=("production-admin",)),)
    }
    feed: dict[str, Any] = {
        "schedules": {"payments": Schedule(name="payments", source=Feed(address="ROTA", zone=STOCKHOLM))}
    }
    assert signed(a_catalog(), a_catalog(**schedule())) == [(NEITHER, "added")]
    assert signed(a_catalog(**schedule()), a_catalog(**schedule(people=(MAYA, CTO)))) == [
        (GAIN, "is on call in turn: user:cto@example.com"),
        (LOSS, "is on call no more: user:noah@example.com"),
    ]
    assert signed(a_catalog(**schedule()), a_catalog(**schedule(people=(NOAH, MAYA)))) == [
        (EITHER, "the turns or their overrides changed")
    ]
    assert signed(a_catalog(**schedule()), a_catalog(**feed)) == [(EITHER, "comes from somewhere else")]
    assert signed(a_catalog(), a_catalog(**held)) == [
        (GAIN, "is held by on-call:payments for the shift, without a request")
    ]
    assert signed(a_catalog(**held), a_catalog()) == [(LOSS, "is no longer held by on-call:payments for the shift")]
    longer: dict[str, Any] = {"schedules": {"payments": Schedule(name="payments", source=TURNS, max_age=2 * HOUR)}}
    assert [s for s, _ in signed(a_catalog(**schedule()), a_catalog(**longer))] == [GAIN]


def test_whether_anybody_may_gain() -> None:
    """A gain counts, and so does what can be one; a loss and what is neither do not."""
    assert [may_widen([Difference("x", sign, "")]) for sign in (GAIN, EITHER, LOSS, NEITHER)] == [
        True,
        True,
        False,
        False,
    ]


SOME = st.lists(st.sampled_from([LEADS, CTO, SRE, MAYA, NOAH]), min_size=1, max_size=3, unique=True).map(tuple)
policies = st.builds(
    Policy,
    name=st.just("sensitive"),
    requesters=SOME | st.just((EVERYONE,)),
    steps=st.lists(st.builds(Step, approvers=SOME, approvals=st.integers(1, 2)), min_size=1, max_size=2).map(tuple),
    default_duration=st.just(HOUR),
    max_duration=st.sampled_from([2 * HOUR, 8 * HOUR]),
    per_day=st.sampled_from([None, 4 * HOUR, 8 * HOUR]),
    cool_down=st.sampled_from([timedelta(0), HOUR]),
    distinct=st.booleans(),
    ticket=st.sampled_from([None, OPS]),
    emergency=st.sampled_from([None, BREAK_GLASS]),
)
catalogs = st.builds(
    a_catalog, policies, rules=st.lists(st.sampled_from([DENY, APPROVE, TICKET]), unique_by=lambda r: r.name).map(tuple)
)


@given(catalogs, catalogs)
def test_any_change_is_told_and_turns_around(old: Catalog, new: Catalog) -> None:
    """Nothing differs from itself, every change is told, and the way back has the opposite signs."""
    assert differences(old, old) == ()
    there, back = differences(old, new), differences(new, old)
    assert bool(there) is (meant(old) != meant(new))
    assert sorted((each.about, each.sign.turned) for each in there) == sorted((each.about, each.sign) for each in back)


def meant(catalog: Catalog) -> list[object]:
    """Give what a catalog means, whatever its lists' order."""
    policy = catalog.entitlements[PRODUCTION.id].policy
    steps = [(frozenset(step.approvers), step.approvals) for step in policy.steps]
    rules = [[r for r in catalog.rules if (r.effect is Effect.DENY) is denies] for denies in (True, False)]
    return [frozenset(policy.requesters), steps, replace(policy, requesters=(), steps=()), rules[0], rules[1]]


def test_people_are_written_as_in_the_catalog() -> None:
    """People are told by the catalog's own notation."""
    usergroup = Selector(SelectorKind.SLACK_USERGROUP, "S0123ABCD")
    found = signed(a_catalog(), a_catalog(replace(PLAIN, requesters=(SRE, usergroup))))
    assert found == [(GAIN, "may be asked for by slack-usergroup:S0123ABCD")]
