"""Expectations of what a catalog comes to, read from a YAML file: people, and what becomes of what they ask for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from accessbot.adapters import catalog_fields as read
from accessbot.adapters import catalog_times as times
from accessbot.adapters.catalog_fields import EMAIL, Mistakes
from accessbot.adapters.catalog_people import USERGROUP
from accessbot.adapters.catalog_yaml import Node, Text, YamlMistake, parse
from accessbot.domain.errors import AccessbotError
from accessbot.domain.rotations import instant

if TYPE_CHECKING:
    from accessbot.domain.model import Catalog

OUTCOMES = ("deny", "approve", "steps")
_PERSON = ("slack", "groups", "slack_usergroups", "on_call", "manager")
_CASE = (
    *("name", "duration", "at", "reason", "emergency"),
    *("rule", "policy", "approvals", "says", "may_decide", "may_not_decide"),
)
_USER = re.compile(r"[UW][A-Z0-9]{2,}", re.ASCII)


class ExpectationsInvalid(AccessbotError):
    """The file has mistakes; each has its line."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        """Keep every mistake, in file order."""
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes

    @property
    def lines(self) -> tuple[str, ...]:
        """Give a line for each mistake."""
        return self.mistakes


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody made up: an address, and all that covers them. What is not listed does not."""

    email: str
    slack: str
    groups: frozenset[str] = frozenset()
    usergroups: frozenset[str] = frozenset()
    on_call: frozenset[str] = frozenset()
    manager: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One expectation. What is None is not looked at; `rule` is "" where no rule may match."""

    line: int
    name: str
    who: Person
    entitlement: str
    at: datetime
    expect: str
    duration: timedelta | None = None
    reason: str | None = None
    emergency: bool = False
    rule: str | None = None
    policy: str | None = None
    approvals: int | None = None
    says: str | None = None
    may_decide: tuple[str, ...] = ()
    may_not_decide: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expectations:
    """All of a file."""

    people: Mapping[str, Person]
    cases: tuple[Case, ...]


def read_expectations(path: Path, catalog: Catalog) -> Expectations:
    """Read a file of expectations of a catalog. Raises `ExpectationsInvalid` with every mistake and its line."""
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ExpectationsInvalid((f"{path}:1: the file cannot be read ({reason}).",)) from error
    mistakes = Mistakes()
    found: Expectations | None = None
    try:
        root = parse(data)
        if root is None:
            mistakes.add(1, "the file is empty; it needs people and cases.")
        else:
            found = _Reader(catalog, mistakes).whole(root)
    except YamlMistake as mistake:
        mistakes.add(mistake.line, mistake.sentence)
    if mistakes.found or found is None:
        raise ExpectationsInvalid(mistakes.lines(str(path)))
    return found


@dataclass(slots=True)
class _Reader:
    """Reads one file; `zone` and `at` are those that cases without their own have."""

    catalog: Catalog
    mistakes: Mistakes
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    at: datetime | None = None
    people: dict[str, Person] = field(default_factory=dict)

    def whole(self, root: Node) -> Expectations:
        """Read the whole file."""
        top = read.record(root, "the file", self.mistakes, required=("people", "cases"), optional=("zone", "at"))
        if "zone" in top:
            self.zone = times.zone(top["zone"], "zone", self.mistakes) or self.zone
        if "at" in top:
            self.at = self._time(top["at"], "at")
        people = read.mapping(top["people"], "people", self.mistakes) if "people" in top else None
        for number, (email, (line, node)) in enumerate((people or {}).items()):
            self._person(email, line, node, number)
        items = read.items(top["cases"], "cases", self.mistakes) if "cases" in top else None
        if items is not None and not items:
            self.mistakes.add(top["cases"].line, "cases is empty; expect at least one thing.")
        cases = [self._case(node, number) for number, node in enumerate(items or (), 1)]
        return Expectations(self.people, tuple(case for case in cases if case is not None))

    def _person(self, email: str, line: int, node: Node, number: int) -> None:
        what = f"the person {email[:60]}"
        if not EMAIL.fullmatch(email):
            self.mistakes.add(line, f"“{email[:60]}” in people has to be an email address like name@example.com.")
        fields: dict[str, Node] = {}
        if not (
            isinstance(node, Text) and node.plain and not node.value
        ):  # nothing after the colon: nothing covers them
            fields = read.record(node, what, self.mistakes, required=(), optional=_PERSON)
        slack = f"U{number:010d}"
        if "slack" in fields:
            rule = "has to be a Slack user id like U0123ABCD"
            slack = read.matching(fields["slack"], f"slack of {what}", self.mistakes, _USER, rule) or slack
        manager = read.email(fields["manager"], f"manager of {what}", self.mistakes) if "manager" in fields else None
        self.people[email.casefold()] = Person(
            email=email.casefold(),
            slack=slack,
            groups=self._each(fields, "groups", what, EMAIL, "has to be a group's email address"),
            usergroups=self._each(fields, "slack_usergroups", what, USERGROUP, "has to be an id like S0123ABCD"),
            on_call=self._schedules(fields, what),
            manager=manager or "",
        )

    def _each(
        self, fields: Mapping[str, Node], key: str, what: str, pattern: re.Pattern[str], rule: str
    ) -> frozenset[str]:
        nodes = read.items(fields[key], f"{key} of {what}", self.mistakes) if key in fields else None
        found = (read.matching(node, f"{key} of {what}", self.mistakes, pattern, rule) for node in nodes or ())
        return frozenset(each if pattern is USERGROUP else each.casefold() for each in found if each is not None)

    def _schedules(self, fields: Mapping[str, Node], what: str) -> frozenset[str]:
        nodes = read.items(fields["on_call"], f"on_call of {what}", self.mistakes) if "on_call" in fields else None
        known = self.catalog.schedules
        found = (read.known(node, f"the schedule in on_call of {what}", self.mistakes, known) for node in nodes or ())
        return frozenset(each for each in found if each is not None)

    def _case(self, node: Node, number: int) -> Case | None:
        what, before = f"case {number}", len(self.mistakes.found)
        required = ("who", "entitlement", "expect")
        fields = read.record(node, what, self.mistakes, required=required, optional=_CASE)
        name = self._text(fields, "name", what)
        if name:
            what = f"case “{name[:60]}”"
        at = self._time(fields["at"], f"at of {what}") if "at" in fields else self.at
        if at is None and "at" not in fields:
            self.mistakes.add(node.line, f"{what} has no time: give at here, or once at the top of the file.")
        who = self._known(fields, "who", what, self.people)
        entitlement = self._known(fields, "entitlement", what, self.catalog.entitlements)
        expect = (
            read.choice(fields["expect"], f"expect of {what}", self.mistakes, OUTCOMES) if "expect" in fields else ""
        )
        deciding = {key: self._people(fields, key, what) for key in ("may_decide", "may_not_decide")}
        urgent = fields.get("emergency")
        emergency = urgent is not None and read.boolean(urgent, f"emergency of {what}", self.mistakes)
        case = Case(
            line=node.line,
            name=name or f"{number}",
            who=self.people.get(who or "", Person(email="", slack="")),
            entitlement=entitlement or "",
            at=at or datetime.min,  # noqa: DTZ901 - a case without a time is a mistake, and not kept
            expect=expect or "",
            duration=self._duration(fields, what),
            reason=self._text(fields, "reason", what),
            emergency=bool(emergency),
            rule=self._rule(fields, what),
            policy=self._known(fields, "policy", what, self.catalog.policies),
            approvals=self._approvals(fields, what, expect),
            says=self._text(fields, "says", what),
            may_decide=deciding["may_decide"],
            may_not_decide=deciding["may_not_decide"],
        )
        return case if len(self.mistakes.found) == before else None

    def _text(self, fields: Mapping[str, Node], key: str, what: str) -> str | None:
        return read.text(fields[key], f"{key} of {what}", self.mistakes) if key in fields else None

    def _known(self, fields: Mapping[str, Node], key: str, what: str, names: Mapping[str, object]) -> str | None:
        return read.known(fields[key], f"{key} of {what}", self.mistakes, names) if key in fields else None

    def _duration(self, fields: Mapping[str, Node], what: str) -> timedelta | None:
        return read.duration(fields["duration"], f"duration of {what}", self.mistakes) if "duration" in fields else None

    def _rule(self, fields: Mapping[str, Node], what: str) -> str | None:
        """Read the name of a rule; an empty text in quotes stands for none."""
        node = fields.get("rule")
        if isinstance(node, Text) and not node.plain and not node.value:
            return ""
        rules = {rule.name: rule for rule in self.catalog.rules}
        return self._known(fields, "rule", what, rules)

    def _approvals(self, fields: Mapping[str, Node], what: str, expect: str | None) -> int | None:
        if "approvals" not in fields:
            return None
        if expect != "steps":
            self.mistakes.add(fields["approvals"].line, f"approvals of {what} go with expect: steps alone.")
        return read.number(fields["approvals"], f"approvals of {what}", self.mistakes, least=1)

    def _people(self, fields: Mapping[str, Node], key: str, what: str) -> tuple[str, ...]:
        nodes = read.items(fields[key], f"{key} of {what}", self.mistakes) if key in fields else None
        found = (read.known(node, f"the person in {key} of {what}", self.mistakes, self.people) for node in nodes or ())
        return tuple(each for each in found if each is not None)

    def _time(self, node: Node, what: str) -> datetime | None:
        """Read `2026-11-24 18:00` on the file's own clock, or a time with an offset like `2026-11-24T18:00:00Z`."""
        if isinstance(node, Text) and "T" in node.value:
            try:
                at = datetime.fromisoformat(node.value)
            except ValueError:
                at = None
            if at is not None and at.tzinfo is not None:
                return at
        wall = times.wall(node, what, self.mistakes)
        return None if wall is None else instant(wall, self.zone)
