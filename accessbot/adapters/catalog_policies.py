"""Reading a catalog's policies: who may ask, who decides in which steps, for how long, with which ticket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from accessbot.adapters import catalog_checks as checks
from accessbot.adapters import catalog_fields as read
from accessbot.adapters.catalog_fields import Mistakes
from accessbot.adapters.catalog_people import ASKING, DECIDING, People
from accessbot.adapters.catalog_tickets import ticket
from accessbot.adapters.catalog_yaml import Node
from accessbot.domain.durations import compact
from accessbot.domain.model import Selector, SelectorKind
from accessbot.domain.rules import Emergency, Policy, Step

ALLOW = "allow_mapped_approver_groups"
_MOST_STEPS = 10
_STEP = ("approvers", "approvals", "tell", "timeout", "escalate")
_OPTIONAL = (
    *_STEP,
    "steps",
    "distinct",
    "delegation",
    "durations",
    "max_per_day",
    "cool_down",
    "ticket",
    "emergency",
    ALLOW,
)
_DURATIONS = ("default_duration", "max_duration")


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads policies. `shortest` is the shortest grant of the settings; a None in `emergencies` has mistakes."""

    people: People
    emergencies: Mapping[str, Emergency | None]
    shortest: timedelta
    mistakes: Mistakes

    def one(self, name: str, node: Node) -> tuple[Policy | None, checks.Approvers]:
        """Read one policy, None if anything is wrong with it, and the groups that approve by it."""
        what = f"policy “{name}”"
        before = len(self.mistakes.found)
        fields = read.record(node, what, self.mistakes, required=("requesters", *_DURATIONS), optional=_OPTIONAL)
        requesters = self._people(fields, "requesters", what, ASKING)
        deciders: dict[Selector, int] = {}
        steps = self._steps(node, fields, what, deciders)
        allowed = self._people(fields, ALLOW, what, DECIDING)
        for one in allowed:
            if one.kind is not SelectorKind.GROUP or one not in deciders:
                told = f"{ALLOW} of {what} lists {one}, which is no approver group of it."
                self.mistakes.add(fields[ALLOW].line, told)
        approvers = checks.Approvers(tuple(deciders.items()), frozenset(one.value for one in allowed))
        default, longest = _durations(fields, what, self.shortest, self.mistakes)
        offered = self._offered(fields, what, default, longest)
        per_day = self._duration(fields, "max_per_day", what)
        if per_day is not None and default is not None and per_day < default:
            told = f"max_per_day of {what} is {compact(per_day)}, less than its default_duration of {compact(default)}."
            self.mistakes.add(fields["max_per_day"].line, told)
        cool_down = self._duration(fields, "cool_down", what) or timedelta(0)
        distinct = self._flag(fields, "distinct", what)
        delegation = self._flag(fields, "delegation", what)
        its_ticket = ticket(fields["ticket"], f"ticket of {what}", self.mistakes) if "ticket" in fields else None
        emergency = self._emergency(fields, what, longest)
        if len(self.mistakes.found) > before or steps is None or default is None or longest is None:
            return None, approvers
        policy = Policy(
            name=name,
            requesters=tuple(requesters),
            steps=steps,
            default_duration=default,
            max_duration=longest,
            durations=offered,
            per_day=per_day,
            cool_down=cool_down,
            distinct=distinct,
            delegation=delegation,
            ticket=its_ticket,
            emergency=emergency,
        )
        line = fields["steps" if "steps" in fields else "approvals" if "approvals" in fields else "approvers"].line
        hopeless = checks.undecidable(policy, self.people.schedules)
        if hopeless:
            self.mistakes.add(line, f"{what} {hopeless}")
            return None, approvers
        return policy, approvers

    # --- steps ---

    def _steps(
        self, node: Node, fields: Mapping[str, Node], what: str, deciders: dict[Selector, int]
    ) -> tuple[Step, ...] | None:
        """Read the long form or the short one; all who may decide are put into `deciders` with their lines."""
        if "steps" not in fields:
            if "approvers" not in fields:
                self.mistakes.add(node.line, f"{what} lacks the key “approvers” (or “steps”).")
                return None
            only = self._step("", fields, what, deciders)
            return (only,) if only else None
        for key in _STEP:
            if key in fields:
                told = f"{what} has steps, so its {key} belongs into one of them."
                self.mistakes.add(fields[key].line, told)
        items = read.items(fields["steps"], f"steps of {what}", self.mistakes)
        if items is None:
            return None
        if not 0 < len(items) <= _MOST_STEPS:
            told = f"steps of {what} has {len(items)} steps; it can have 1 to {_MOST_STEPS}."
            self.mistakes.add(fields["steps"].line, told)
            return None
        found: list[Step] = []
        lines: dict[str, int] = {}
        for number, item in enumerate(items, start=1):
            where = f"step {number} of {what}"
            inner = read.record(item, where, self.mistakes, required=("approvers",), optional=("name", *_STEP[1:]))
            name = read.text(inner["name"], f"name of {where}", self.mistakes, most=75) if "name" in inner else ""
            if name and lines.setdefault(name.casefold(), inner["name"].line) != inner["name"].line:
                told = f"{where} is named “{name}” like the one on line {lines[name.casefold()]}."
                self.mistakes.add(inner["name"].line, told)
            step = self._step(name or "", inner, where, deciders)
            if step is not None:
                found.append(step)
        return tuple(found)

    def _step(self, name: str, fields: Mapping[str, Node], what: str, deciders: dict[Selector, int]) -> Step | None:
        approvers = self._people(fields, "approvers", what, DECIDING)
        told = self._people(fields, "tell", what, DECIDING)
        escalation = self._people(fields, "escalate", what, DECIDING)
        for one, line in (*approvers.items(), *escalation.items()):
            deciders.setdefault(one, line)
        approvals: int | None = 1
        if "approvals" in fields:
            approvals = read.number(fields["approvals"], f"approvals of {what}", self.mistakes, 1)
        timeout = self._duration(fields, "timeout", what)
        if "escalate" in fields and "timeout" not in fields:
            told_so = f"{what} has escalate without timeout, so it would never escalate; give a timeout like 30m."
            self.mistakes.add(fields["escalate"].line, told_so)
        if not approvers or approvals is None:
            return None
        return Step(
            name=name,
            approvers=tuple(approvers),
            approvals=approvals,
            told=tuple(told),
            timeout=timeout,
            escalation=tuple(escalation),
        )

    # --- the rest ---

    def _people(
        self, fields: Mapping[str, Node], key: str, what: str, kinds: frozenset[SelectorKind]
    ) -> dict[Selector, int]:
        return self.people.each(fields[key], f"{key} of {what}", kinds) if key in fields else {}

    def _duration(self, fields: Mapping[str, Node], key: str, what: str) -> timedelta | None:
        return read.duration(fields[key], f"{key} of {what}", self.mistakes) if key in fields else None

    def _flag(self, fields: Mapping[str, Node], key: str, what: str) -> bool:
        """Read a switch that is on unless it is said otherwise."""
        return key not in fields or read.boolean(fields[key], f"{key} of {what}", self.mistakes) is not False

    def _offered(
        self, fields: Mapping[str, Node], what: str, default: timedelta | None, longest: timedelta | None
    ) -> tuple[timedelta, ...]:
        """Read the list of the only durations that can be asked for."""
        if "durations" not in fields:
            return ()
        where = f"durations of {what}"
        items = read.items(fields["durations"], where, self.mistakes)
        if items is None:
            return ()
        before = len(self.mistakes.found)
        found: list[timedelta] = []
        for item in items:
            one = read.duration(item, where, self.mistakes)
            if one is None:
                continue
            if one < self.shortest:
                told = f"{where}: {compact(one)} is below the shortest grant of {compact(self.shortest)} "
                self.mistakes.add(item.line, f"{told}(ACCESSBOT_MIN_DURATION).")
            elif longest is not None and one > longest:
                self.mistakes.add(
                    item.line, f"{where}: {compact(one)} is above its max_duration of {compact(longest)}."
                )
            elif found and one <= found[-1]:
                self.mistakes.add(item.line, f"{where}: {compact(one)} comes after {compact(found[-1])}; sort them.")
            found.append(one)
        if len(self.mistakes.found) == before and default is not None and default not in found:
            told = f"{where} lacks its default_duration of {compact(default)}; list it too."
            self.mistakes.add(fields["durations"].line, told)
        return tuple(found)

    def _emergency(self, fields: Mapping[str, Node], what: str, longest: timedelta | None) -> Emergency | None:
        if "emergency" not in fields:
            return None
        where = f"emergency of {what}"
        name = read.known(fields["emergency"], where, self.mistakes, self.emergencies)
        found = self.emergencies[name] if name is not None else None
        if found is not None and longest is not None and found.max_duration > longest:
            self.mistakes.add(
                fields["emergency"].line,
                f"{where} lasts up to {compact(found.max_duration)}, longer than the max_duration of "
                f"{compact(longest)} that it goes past; an emergency is for less.",
            )
        return found


@dataclass(frozen=True, slots=True)
class EmergencyReader:
    """Reads emergency policies. `admins` may close their reviews, too."""

    people: People
    admins: tuple[Selector, ...]
    shortest: timedelta
    mistakes: Mistakes

    def one(self, name: str, node: Node) -> Emergency | None:
        """Read one emergency policy, None if anything is wrong with it."""
        what = f"emergency policy “{name}”"
        before = len(self.mistakes.found)
        required = ("eligible", "owners", "incident", *_DURATIONS)
        fields = read.record(node, what, self.mistakes, required=required, optional=("step_down", "remind"))
        eligible = self._eligible(fields, what)
        owners: dict[Selector, int] = {}
        if "owners" in fields:
            owners = self.people.each(fields["owners"], f"owners of {what}", DECIDING)
        incident = None
        if "incident" in fields:
            incident = read.exact(fields["incident"], f"incident of {what}", self.mistakes, checks.pattern)
        default, longest = _durations(fields, what, self.shortest, self.mistakes)
        most, within = self._step_down(fields["step_down"], what) if "step_down" in fields else (None, None)
        remind = read.duration(fields["remind"], f"remind of {what}", self.mistakes) if "remind" in fields else None
        if len(self.mistakes.found) == before:
            self._check_reviewable(eligible, owners, fields["owners"].line, what)
        if len(self.mistakes.found) > before or incident is None or default is None or longest is None:
            return None
        emergency = Emergency(
            name=name,
            eligible=tuple(eligible),
            owners=tuple(owners),
            incident=incident,
            default_duration=default,
            max_duration=longest,
        )
        emergency = emergency if most is None else replace(emergency, most=most)
        emergency = emergency if within is None else replace(emergency, within=within)
        return emergency if remind is None else replace(emergency, remind=remind)

    def _eligible(self, fields: Mapping[str, Node], what: str) -> dict[Selector, int]:
        if "eligible" not in fields:
            return {}
        found = self.people.each(fields["eligible"], f"eligible of {what}", ASKING)
        for one, line in found.items():
            if one.kind is SelectorKind.EVERYONE:
                told = f"eligible of {what} is everyone, so everybody could grant themselves; name groups or users."
                self.mistakes.add(line, told)
        return found

    def _step_down(self, node: Node, what: str) -> tuple[int | None, timedelta | None]:
        where = f"step_down of {what}"
        fields = read.record(node, where, self.mistakes, required=(), optional=("after", "within"))
        most = read.number(fields["after"], f"after of {where}", self.mistakes, 1) if "after" in fields else None
        within = read.duration(fields["within"], f"within of {where}", self.mistakes) if "within" in fields else None
        return most, within

    def _check_reviewable(
        self, eligible: Mapping[Selector, int], owners: Mapping[Selector, int], line: int, what: str
    ) -> None:
        """Refuse a single owner who alone is eligible: nobody closes the review of their own emergency."""
        only = next(iter(owners))
        if not self.admins and len(owners) == 1 and only.kind is SelectorKind.USER and set(eligible) == {only}:
            told = f"owners of {what} is {only}, who alone is eligible: nobody could close a review; name another."
            self.mistakes.add(line, told)


def _durations(
    fields: Mapping[str, Node], what: str, shortest: timedelta, mistakes: Mistakes
) -> tuple[timedelta | None, timedelta | None]:
    both: list[timedelta | None] = []
    for key in _DURATIONS:
        value = read.duration(fields[key], f"{key} of {what}", mistakes) if key in fields else None
        if value is not None and value < shortest:
            mistakes.add(
                fields[key].line,
                f"{key} of {what} is {compact(value)}, below the shortest grant of {compact(shortest)} "
                "(ACCESSBOT_MIN_DURATION).",
            )
        both.append(value)
    default, longest = both
    if default is not None and longest is not None and default > longest:
        mistakes.add(
            fields["default_duration"].line,
            f"default_duration of {what} is {compact(default)}, longer than its max_duration of {compact(longest)}.",
        )
    return default, longest
