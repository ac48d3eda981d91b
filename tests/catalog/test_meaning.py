"""What the newer parts of a catalog mean, and that its hash is of the meaning."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessbot.adapters.catalog_fields import Mistakes
from accessbot.adapters.catalog_file import catalog_of
from accessbot.adapters.catalog_reader import catalog as read_tree
from accessbot.adapters.catalog_yaml import Fields, Items, Node, Text, parse
from accessbot.domain.model import Account, Catalog, Selector, SelectorKind
from accessbot.domain.oncall import Feed, Override, PagerDuty, Rotation, RotationGrant, Schedule, UserGroup
from accessbot.domain.rules import Condition, Day, Effect, Emergency, Hours, Policy, Rule, Step, Ticket
from tests.catalog.examples import FULL, RIGHT

SHORTEST = timedelta(minutes=5)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STOCKHOLM, UTC = ZoneInfo("Europe/Stockholm"), ZoneInfo("UTC")


def read(text: str) -> Catalog:
    """The catalog of a text."""
    return catalog_of(text.encode(), "catalog.yml", SHORTEST)


def who(written: str) -> Selector:
    """The selector that is written so."""
    kind, _, value = written.partition(":")
    return Selector(SelectorKind(kind), value)


MAYA, NOAH = who("user:maya@example.com"), who("user:noah@example.com")
ON_CALL, MANAGER = who("on-call:payments"), who("manager")

BREAK_GLASS = Emergency(
    name="break-glass",
    eligible=(ON_CALL, who("group:sre@example.com")),
    owners=(who("group:platform-security@example.com"), MANAGER),
    incident=r"INC-\d+",
    default_duration=30 * MINUTE,
    max_duration=HOUR,
    most=2,
    within=5 * DAY,
    remind=12 * HOUR,
)
SENSITIVE = Policy(
    name="sensitive",
    requesters=(who("group:engineering@example.com"), who("slack-usergroup:S0123ABCD"), who("on-call:web")),
    steps=(
        Step(name="manager", approvers=(MANAGER,)),
        Step(
            name="security",
            approvers=(who("group:security@example.com"), who("user:ciso@example.com")),
            approvals=2,
            told=(ON_CALL,),
            timeout=30 * MINUTE,
            escalation=(who("group:leads@example.com"),),
        ),
    ),
    default_duration=HOUR,
    max_duration=8 * HOUR,
    durations=(30 * MINUTE, HOUR, 4 * HOUR),
    per_day=8 * HOUR,
    cool_down=30 * MINUTE,
    distinct=False,
    delegation=False,
    ticket=Ticket(pattern=r"OPS-\d+", check="https://tickets.example.com/allowed", timeout=timedelta(seconds=2)),
    emergency=BREAK_GLASS,
)


def test_policies_mean_what_they_say() -> None:
    """Steps, limits, tickets and the emergency arrive typed; the short form is one step."""
    policies = read(FULL).policies
    assert policies["sensitive"] == SENSITIVE
    assert policies["everyday"].steps == (
        Step(
            approvers=(who("group:sre@example.com"),),
            told=(who("on-call:sre"),),
            timeout=HOUR,
            escalation=(MANAGER,),
        ),
    )


def test_rules_mean_what_they_say_in_their_order() -> None:
    """Effects, conditions, exceptions, tickets; `same` leaves the policy to the entitlement."""
    ticket = Ticket(pattern=r"OPS-\d+")
    assert read(FULL).rules == (
        Rule(
            name="no weekends",
            effect=Effect.DENY,
            reason="Production is closed on weekends.",
            when=Condition(
                accounts=("production",), hours=(Hours(days=frozenset({Day.SAT, Day.SUN}), zone=STOCKHOLM),)
            ),
            unless=Condition(requesters=(ON_CALL,)),
        ),
        Rule(
            name="on call at once",
            effect=Effect.APPROVE,
            told=(who("group:sre-leads@example.com"),),
            when=Condition(entitlements=("production-*",), requesters=(ON_CALL,), at_most=HOUR),
        ),
        Rule(
            name="long ones",
            effect=Effect.POLICY,
            policy=SENSITIVE,
            ticket=ticket,
            when=Condition(
                permission_sets=("Administrator*",),
                above=4 * HOUR,
                units=("prod",),
                tags={"env": "production", "risk": "high"},
            ),
        ),
        Rule(
            name="contractors need a ticket",
            effect=Effect.POLICY,
            ticket=ticket,
            when=Condition(
                expression='requester.email.endsWith("@contractor.example.com")',
                hours=(Hours(begins=time(9), ends=time(17), zone=UTC), Hours(days=frozenset({Day.MON}), zone=UTC)),
            ),
        ),
    )


def test_schedules_mean_what_they_say() -> None:
    """Each source arrives typed; people keep their order, and may have two turns in a row."""
    catalog = read(FULL)
    overrides = (
        Override(who=NOAH, begins=datetime(2026, 12, 24, 9), ends=datetime(2026, 12, 26, 9)),  # noqa: DTZ001 - a wall clock
        Override(who=MAYA, begins=datetime(2026, 12, 26, 9), ends=datetime(2026, 12, 27, 9)),  # noqa: DTZ001 - the same
    )
    rotation = Rotation(
        people=(MAYA, NOAH, NOAH),
        every=timedelta(weeks=1),
        since=datetime(2026, 1, 5, 9),  # noqa: DTZ001 - a wall clock
        zone=STOCKHOLM,
        overrides=overrides,
    )
    assert dict(catalog.schedules) == {
        "payments": Schedule(name="payments", source=rotation, max_age=2 * HOUR),
        "sre": Schedule(name="sre", source=Feed(address="SRE_ROTA_URL", zone=ZoneInfo("Europe/Berlin"))),
        "dba": Schedule(name="dba", source=UserGroup(id="S0123ABCD")),
        "web": Schedule(name="web", source=PagerDuty(id="PABC123")),
    }
    assert catalog.rotation_grants == (
        RotationGrant(schedule="payments", entitlements=("production-admin", "production-read")),
    )


def test_units_and_tags_arrive() -> None:
    """An account has a unit and tags, an entitlement tags of its own."""
    catalog = read(FULL)
    assert catalog.accounts["production"] == Account(
        key="production", id="111122223333", name="Production", unit="prod/payments", tags={"env": "production"}
    )
    assert catalog.entitlements["production-admin"].tags == {"risk": "high"}
    assert catalog.entitlements["production-read"].tags == {}


def test_what_is_left_out_has_its_default() -> None:
    """An emergency without more is stepped down after 3 in 7 days, reminded of daily; a feed's zone is UTC."""
    text = FULL.replace("    step_down: {after: 2, within: 5d}\n    remind: 12h\n", "").replace(
        ", zone: Europe/Berlin", ""
    )
    catalog = read(text.replace("    max_age: 2h\n", ""))
    emergency = catalog.policies["sensitive"].emergency
    assert emergency is not None
    assert (emergency.most, emergency.within, emergency.remind) == (3, 7 * DAY, DAY)
    assert catalog.schedules["sre"].source == Feed(address="SRE_ROTA_URL", zone=UTC)
    assert catalog.schedules["payments"].max_age == HOUR


@pytest.mark.parametrize(
    ("written", "meant"), [("1w", 7 * DAY), ("2W", 14 * DAY), ("1w3d", 10 * DAY), ("1h", HOUR), ("36h", 36 * HOUR)]
)
def test_a_turn_lasts_any_period(written: str, meant: timedelta) -> None:
    """Weeks, days, hours, or weeks and more."""
    source = read(FULL.replace("every: 1w", f"every: {written}")).schedules["payments"].source
    assert isinstance(source, Rotation)
    assert source.every == meant


def test_a_part_of_the_day_may_end_at_midnight() -> None:
    """24:00 is where a day ends; without from, it begins at midnight too."""
    hours = read(FULL.replace('{from: "09:00", to: "17:00", zone: UTC}', '{from: "18:00", to: "24:00", zone: UTC}'))
    assert hours.rules[3].when.hours[0] == Hours(begins=time(18), ends=time(0), zone=UTC)


# --- the hash ---------------------------------------------------------------------------------------------------------


def test_an_old_catalog_keeps_its_hash() -> None:
    """What could be said before says the same by the same hash, so an upgrade is no change of the catalog."""
    assert read(RIGHT).hash == "8d413233e09f2ca375dc4f8bdc3531777be911da6e9749e248def4c5dca9b1fe"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[group:security@example.com, user:ciso@example.com]", "[user:CISO@example.com, group:security@example.com]"),
        ("[on-call:payments, group:sre@example.com]", "[group:sre@example.com, on-call:payments]"),
        ("[group:platform-security@example.com, manager]", "[manager, group:platform-security@example.com]"),
        ("{days: [sat, sun], zone", "{days: [sun, sat, sun], zone"),
        ('[{from: "09:00", to: "17:00", zone: UTC}, {days: [mon], zone: UTC}]',
         '[{days: [mon], zone: UTC}, {from: "09:00", to: "17:00", zone: UTC}]'),
        ("[production-admin, production-read]}", "[production-read, production-admin]}"),
        ("{env: production, risk: high}", "{risk: high, env: production}"),
        ("[everyone]\n", "[everyone, everyone]\n"),
        ("every: 1w", "every: 168h"),
        ("    max_age: 2h", "    max_age: 120m # twice an hour"),
        ("tags: {env: production}}", "tags: {'env': \"production\"}}"),
    ],
)  # fmt: skip
def test_what_means_the_same_has_the_same_hash(old: str, new: str) -> None:
    """Layout, and the order of what has none: people, days, hours, tags, granted entitlements."""
    assert old in FULL
    assert read(FULL.replace(old, new, 1)).hash == read(FULL).hash


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("unit: prod/payments", "unit: prod/billing"),
        ("tags: {env: production}}", "tags: {env: production, tier: one}}"),
        ("tags: {risk: high}\n", "tags: {risk: high, team: x}\n"),
        ("every: 1w", "every: 2w"),
        ("[user:maya@example.com, user:Noah@example.com, user:noah@example.com]",
         "[user:noah@example.com, user:maya@example.com, user:noah@example.com]"),
        ('since: "2026-01-05 09:00"', 'since: "2026-01-05 10:00"'),
        ("      zone: Europe/Stockholm\n", "      zone: Europe/Oslo\n"),
        ('from: "2026-12-26 09:00"', 'from: "2026-12-26 10:00"'),
        ("max_age: 2h", "max_age: 3h"),
        ("SRE_ROTA_URL", "SRE_URL"),
        ("zone: Europe/Berlin", "zone: Europe/Paris"),
        ("dba: {slack_usergroup: S0123ABCD}", "dba: {slack_usergroup: S0123ABCE}"),
        ("pagerduty: PABC123", "pagerduty: PABC124"),
        ("entitlements: [production-admin, production-read]}", "entitlements: [production-admin]}"),
        ("[on-call:payments, group:sre@example.com]", "[on-call:payments]"),
        ("owners: [group:platform-security@example.com, manager]", "owners: [manager]"),
        ("INC-", "INCIDENT-"),
        ("default_duration: 30m", "default_duration: 20m"),
        ("step_down: {after: 2, within: 5d}", "step_down: {after: 3, within: 5d}"),
        ("step_down: {after: 2, within: 5d}", "step_down: {after: 2, within: 6d}"),
        ("remind: 12h", "remind: 6h"),
        ("name: security", "name: the board"),
        ("        approvals: 2\n", ""),
        ("        tell: [on-call:payments]\n", ""),
        ("        timeout: 30m\n", "        timeout: 40m\n"),
        ("escalate: [group:leads@example.com]", "escalate: [group:bosses@example.com]"),
        ("    distinct: false\n", ""),
        ("    delegation: false\n", ""),
        ("durations: [30m, 1h, 4h]", "durations: [1h, 4h]"),
        ("max_per_day: 8h", "max_per_day: 9h"),
        ("cool_down: 30m", "cool_down: 40m"),
        ("tickets.example.com", "jira.example.com"),
        ("timeout: 2s", "timeout: 3s"),
        ("    emergency: break-glass\n", ""),
        ("    escalate: [manager]\n", ""),
        ("name: no weekends", "name: never on weekends"),
        ("Production is closed", "Production is shut"),
        ("days: [sat, sun], zone", "days: [sat], zone"),
        ("days: [sat, sun], zone", 'days: [sat, sun], from: "01:00", zone'),
        ("    unless: {requesters: [on-call:payments]}\n", ""),
        ("tell: [group:sre-leads@example.com]", "tell: [manager]"),
        ("at_most: 1h", "at_most: 2h"),
        ("above: 4h", "above: 5h"),
        ("[Administrator*]", "[Admin*]"),
        ("units: [prod]", "units: [prod/payments]"),
        ("{env: production, risk: high}", "{env: production}"),
        ("policy: same", "policy: everyday"),
        ("@contractor.example.com", "@contractors.example.com"),
    ],
)  # fmt: skip
def test_the_hash_changes_with_every_meaning(old: str, new: str) -> None:
    """Whatever decides, or is shown to anybody, is in the hash; the order of turns too."""
    assert old in FULL
    assert read(FULL.replace(old, new, 1)).hash != read(FULL).hash


def test_the_order_of_rules_and_steps_is_meant() -> None:
    """Of rules the first match decides, and steps are gone through in their order."""
    head, _, rules = FULL.partition("\nrules:\n")
    each = rules.split("  - name: ")[1:]
    swapped = "".join(f"  - name: {one}" for one in (each[0], each[2], each[1], each[3]))
    assert read(f"{head}\nrules:\n{swapped}").hash != read(FULL).hash
    steps = ("      - name: manager\n        approvers: [manager]\n", FULL.partition("    distinct:")[0])
    moved = steps[1].replace(steps[0], "") + steps[0] + "    distinct:" + FULL.partition("    distinct:")[2]
    assert read(moved).hash != read(FULL).hash


# --- whatever the tree ------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    sorted(
        {word.strip("[]{},'\"") for word in FULL.replace("{", " ").replace("[", " ").split()}
        | {"true", "1", "0", "-1", "", "24:00", "999w", "2026-13-01 25:99", "*", "everyone:", "manager:x", "on-call:",
           "group:", "user:@", "..", "/", "1e9", "x" * 200, "(" * 50, "\\", "\x00", "٣"}
    )
)  # fmt: skip


def trees(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Node]:
    """Trees of texts, lists and mappings, as a YAML file could hold them."""
    lines = st.integers(min_value=1, max_value=99)
    leaves = st.builds(Text, lines, texts, st.booleans())
    return st.recursive(
        leaves,
        lambda inner: (
            st.builds(Items, lines, st.lists(inner, max_size=4))
            | st.builds(Fields, lines, st.lists(st.tuples(leaves | inner, inner), max_size=6))
        ),
        max_leaves=25,
    )


def said(tree: Node) -> list[tuple[int, str]]:
    """What is said about a tree; nothing when it is a right catalog."""
    mistakes = Mistakes()
    found = read_tree(tree, SHORTEST, mistakes)
    assert (found is None) is bool(mistakes.found)
    return mistakes.found


@given(trees(WORDS | st.text(max_size=20)))
def test_no_tree_escapes_the_report(tree: Node) -> None:
    """Whatever tree is given, there is a catalog or there are mistakes with lines, and no other exception."""
    assert all(line >= 1 and sentence for line, sentence in said(tree))


PATHS = [
    ("schedules",), ("schedules", "payments"), ("schedules", "payments", "rotation"), ("rotation_grants",),
    ("emergency_policies",), ("emergency_policies", "break-glass"), ("policies", "sensitive"),
    ("policies", "sensitive", "steps"), ("policies", "sensitive", "ticket"), ("rules",), ("accounts", "production"),
    ("entitlements",), ("admins",),
]  # fmt: skip


def grafted(node: Node, path: tuple[str, ...], graft: Node) -> Node:
    """The tree with another one, or with another one added in it, at a place."""
    if not path:
        if isinstance(node, Fields) and isinstance(graft, Fields):
            return Fields(node.line, [*node.pairs[1:], *graft.pairs])
        if isinstance(node, Items) and isinstance(graft, Items):
            return Items(node.line, [*node.items[1:], *graft.items])
        return graft
    assert isinstance(node, Fields)
    pairs = [
        (key, grafted(value, path[1:], graft) if isinstance(key, Text) and key.value == path[0] else value)
        for key, value in node.pairs
    ]
    return Fields(node.line, pairs)


@given(st.sampled_from(PATHS), trees(WORDS))
def test_nothing_wrong_within_a_right_catalog_escapes_the_report(path: tuple[str, ...], graft: Node) -> None:
    """The same deep inside of what is right otherwise."""
    whole = parse(FULL.encode())
    assert whole is not None
    assert all(line >= 1 and sentence for line, sentence in said(grafted(whole, path, graft)))
