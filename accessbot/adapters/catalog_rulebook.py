"""Reading a catalog's rules: what each says, and what no rule may come to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

from accessbot.adapters import catalog_checks as checks
from accessbot.adapters import catalog_fields as read
from accessbot.adapters import catalog_times as times
from accessbot.adapters.catalog_fields import Mistakes
from accessbot.adapters.catalog_hash import meaning
from accessbot.adapters.catalog_people import ASKING, DECIDING, People
from accessbot.adapters.catalog_tickets import ticket
from accessbot.adapters.catalog_yaml import Fields, Node, Text
from accessbot.domain.durations import compact
from accessbot.domain.model import SelectorKind
from accessbot.domain.rules import Condition, Effect, Policy, Rule

_EFFECTS = tuple(Effect)
_WHEN = (
    "entitlements",
    "accounts",
    "units",
    "tags",
    "permission_sets",
    "requesters",
    "duration",
    "hours",
    "expression",
)
_SAME = "same"
_UNIT = re.compile(r"[A-Za-z0-9._ -]{1,100}(?:/[A-Za-z0-9._ -]{1,100}){0,9}", re.ASCII)
_UNIT_RULE = "has to be an organizational unit like prod/payments"


@dataclass(frozen=True, slots=True)
class Names:
    """All names that the catalog gives to what rules are about, those of broken accounts and entitlements too.

    `unsure` has the kinds of names of which one could not be read: what a rule names may be that one.
    """

    accounts: Mapping[str, object]
    entitlements: dict[str, None] = field(default_factory=dict)
    permission_sets: dict[str, None] = field(default_factory=dict)
    units: dict[str, None] = field(default_factory=dict)
    tags: dict[str, dict[str, None]] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)

    def read_unit(self, node: Node, what: str, mistakes: Mistakes) -> str | None:
        """Read an organizational unit of the catalog, and know it and those that hold it."""
        found = _unit(node, what, mistakes)
        if found is None:
            self.unsure.add("units")
            return None
        parts = found.split("/")
        for end in range(1, len(parts) + 1):
            self.units["/".join(parts[:end])] = None
        return found

    def read_tags(self, node: Node, what: str, mistakes: Mistakes) -> Mapping[str, str]:
        """Read tags of the catalog, and know them."""
        before = len(mistakes.found)
        found = _tags(node, what, mistakes)
        if len(mistakes.found) > before:
            self.unsure.add("tags")
        for key, value in found.items():
            self.tags.setdefault(key, {})[value] = None
        return found


def _unit(node: Node, what: str, mistakes: Mistakes) -> str | None:
    return read.matching(node, what, mistakes, _UNIT, _UNIT_RULE)


def _tags(node: Node, what: str, mistakes: Mistakes) -> Mapping[str, str]:
    """Read tags; what is wrong with one is noted, and it is left out."""
    found: dict[str, str] = {}
    for key, (_, value) in (read.mapping(node, what, mistakes) or {}).items():
        written = read.text(value, f"tag “{key[:60]}” in {what}", mistakes, most=256)
        if written is not None:
            found[key] = written
    return MappingProxyType(found)


@dataclass(slots=True)
class Reader:
    """Reads rules one by one. None in `policies` stands for one that has mistakes of its own."""

    people: People
    policies: Mapping[str, Policy | None]
    names: Names
    mistakes: Mistakes
    _lines: dict[str, int] = field(default_factory=dict)
    _seen: dict[str, tuple[str, int]] = field(default_factory=dict)

    def all_of(self, node: Node) -> tuple[Rule, ...]:
        """Read the whole list, in its order, without those that have mistakes."""
        found: list[tuple[Rule, int]] = []
        for number, item in enumerate(read.items(node, "rules", self.mistakes) or (), start=1):
            rule = self._one(item, number)
            if rule is not None:
                found.append((rule, item.line))
        self._refuse_shadowed(found)
        return tuple(rule for rule, _ in found)

    def _one(self, node: Node, number: int) -> Rule | None:
        before = len(self.mistakes.found)
        what = f"rule {number}"
        optional = (*_EFFECTS, "unless", "tell", "ticket")
        fields = read.record(node, what, self.mistakes, required=("name", "when"), optional=optional)
        name = read.text(fields["name"], f"name of {what}", self.mistakes, most=100) if "name" in fields else None
        if name is not None:
            what = f"rule “{name}”"
            if self._lines.setdefault(name.casefold(), node.line) != node.line:
                told = f"the name of {what} is taken by the rule on line {self._lines[name.casefold()]}."
                self.mistakes.add(fields["name"].line, told)
        effect = self._effect(node, fields, what)
        when = self._condition(fields["when"], f"when of {what}") if "when" in fields else None
        unless = self._condition(fields["unless"], f"unless of {what}") if "unless" in fields else None
        reason, policy = self._outcome(fields, effect, what)
        told_ones = self.people.each(fields["tell"], f"tell of {what}", DECIDING) if "tell" in fields else {}
        its_ticket = ticket(fields["ticket"], f"ticket of {what}", self.mistakes) if "ticket" in fields else None
        if effect is Effect.APPROVE and when is not None:
            self._refuse_open_door(when, fields["when"], what)
        if len(self.mistakes.found) > before or name is None or effect is None or when is None:
            return None
        return Rule(
            name=name,
            effect=effect,
            when=when,
            unless=unless,
            reason=reason,
            policy=policy,
            ticket=its_ticket,
            told=tuple(told_ones),
        )

    def _effect(self, node: Node, fields: Mapping[str, Node], what: str) -> Effect | None:
        given = [effect for effect in Effect if effect in fields]
        if len(given) == 1:
            effect = given[0]
            if "tell" in fields and effect is not Effect.APPROVE:
                told = f"tell of {what} goes with approve alone; a policy's steps say themselves who is told."
                self.mistakes.add(fields["tell"].line, told)
            if "ticket" in fields and effect is Effect.DENY:
                self.mistakes.add(fields["ticket"].line, f"{what} denies, so it has no use for a ticket.")
            return effect
        if isinstance(node, Fields):
            told = f"has {' and '.join(given)}" if given else "does nothing"
            self.mistakes.add(node.line, f"{what} {told}; give exactly one of deny, approve and policy.")
        return None

    def _outcome(self, fields: Mapping[str, Node], effect: Effect | None, what: str) -> tuple[str, Policy | None]:
        """Read what stands behind deny, approve or policy: the reason, or the policy."""
        if effect is Effect.DENY:
            return read.text(fields["deny"], f"the reason behind deny of {what}", self.mistakes, most=300) or "", None
        if effect is Effect.APPROVE:
            if read.boolean(fields["approve"], f"approve of {what}", self.mistakes) is False:
                told = f"approve of {what} is false, which would do nothing; use deny with a reason, or drop the rule."
                self.mistakes.add(fields["approve"].line, told)
            return "", None
        if effect is Effect.POLICY:
            return "", self._policy(fields["policy"], f"policy of {what}")
        return "", None

    def _policy(self, node: Node, where: str) -> Policy | None:
        known = {**self.policies, _SAME: None}
        name = read.known(node, where, self.mistakes, known)
        if name == _SAME and _SAME in self.policies:
            told = f"{where} is “same”, the entitlement's own; a policy is named so too: rename that one."
            self.mistakes.add(node.line, told)
        return known.get(name) if name is not None else None

    def _refuse_open_door(self, when: Condition, node: Node, what: str) -> None:
        """Refuse an approval at once for whoever asks: it would let everybody grant themselves."""
        if any(one.kind is SelectorKind.EVERYONE for one in when.requesters):
            told = "names everyone among its requesters"
        elif not when.requesters and not when.expression:
            told = "says not for whom"
        else:
            return
        self.mistakes.add(
            node.line,
            f"{what} approves at once and {told}, so it lets everybody grant themselves; name requesters in its when.",
        )

    def _refuse_shadowed(self, rules: Iterable[tuple[Rule, int]]) -> None:
        """Refuse a rule that can never decide, as another one that is looked at first matches whenever it does."""
        before: dict[str, tuple[Rule, int]] = {}
        in_order = sorted(rules, key=lambda each: each[0].effect is not Effect.DENY)
        for rule, line in in_order:
            when = meaning(rule.when)
            first = before.get(when) or before.get(when + meaning(rule.unless))
            if first is not None:
                earlier, its_line = first
                told = f"rule “{rule.name}” can never decide: its when is that of “{earlier.name}” (line {its_line}), "
                self.mistakes.add(line, f"{told}which is looked at first; change or drop one of them.")
            else:
                before[when + (meaning(rule.unless) if rule.unless is not None else "")] = (rule, line)

    # --- conditions ---

    def _condition(self, node: Node, what: str) -> Condition | None:
        before = len(self.mistakes.found)
        fields = read.record(node, what, self.mistakes, required=(), optional=_WHEN)
        if isinstance(node, Fields) and not node.pairs:
            told = f"{what} is empty and matches everything; if that is meant, write requesters: [everyone]."
            self.mistakes.add(node.line, told)
        above, at_most = self._duration(fields["duration"], what) if "duration" in fields else (None, None)
        requesters = (
            self.people.each(fields["requesters"], f"requesters in {what}", ASKING) if "requesters" in fields else {}
        )
        hours = times.hours(fields["hours"], f"hours in {what}", self.mistakes) if "hours" in fields else ()
        expression: str | None = ""
        if "expression" in fields:
            expression = read.exact(fields["expression"], f"expression in {what}", self.mistakes, checks.expression)
        condition = Condition(
            entitlements=self._names(fields, "entitlements", what, self.names.entitlements),
            accounts=self._names(fields, "accounts", what, self.names.accounts),
            units=self._units(fields, what),
            tags=self._tags(fields, what),
            permission_sets=self._names(fields, "permission_sets", what, self.names.permission_sets),
            requesters=tuple(requesters),
            above=above,
            at_most=at_most,
            hours=hours or (),
            expression=expression or "",
        )
        return condition if len(self.mistakes.found) == before else None

    def _names(self, fields: Mapping[str, Node], key: str, what: str, known: Mapping[str, object]) -> tuple[str, ...]:
        """Read names in which `*` stands for any text; those without one have to be in the catalog."""
        found: dict[str, None] = {}
        for item in self._listed(fields, key, what):
            name = read.text(item, f"{key} in {what}", self.mistakes, most=150)
            if name is None:
                continue
            if "*" not in name and name not in known:
                told = f"{key} in {what}: “{name[:60]}” is not in the catalog{read.nearest(name, known)}"
                self.mistakes.add(item.line, told)
            found[name] = None
        return tuple(found)

    def _listed(self, fields: Mapping[str, Node], key: str, what: str) -> list[Node]:
        if key not in fields:
            return []
        items = read.items(fields[key], f"{key} in {what}", self.mistakes)
        if items is not None and not items:
            self.mistakes.add(fields[key].line, f"{key} in {what} is empty; list at least one, or leave it out.")
        return items or []

    def _units(self, fields: Mapping[str, Node], what: str) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for item in self._listed(fields, "units", what):
            name = _unit(item, f"units in {what}", self.mistakes)
            if name is None:
                continue
            if name not in self.names.units and "units" not in self.names.unsure:
                hint = read.nearest(name, self.names.units)
                self.mistakes.add(item.line, f"units in {what}: no account is in “{name[:60]}”{hint}")
            found[name] = None
        return tuple(found)

    def _tags(self, fields: Mapping[str, Node], what: str) -> Mapping[str, str]:
        if "tags" not in fields:
            return MappingProxyType({})
        node = fields["tags"]
        wanted = _tags(node, f"tags in {what}", self.mistakes)
        pairs = node.pairs if isinstance(node, Fields) else []
        if isinstance(node, Fields) and not pairs:
            self.mistakes.add(node.line, f"tags in {what} is empty; give at least one, or leave it out.")
        lines = {key.value: (key.line, value.line) for key, value in pairs if isinstance(key, Text)}
        for key, value in wanted.items() if "tags" not in self.names.unsure else ():
            known = self.names.tags.get(key)
            if known is None:
                told = f"tags in {what}: no account and no entitlement has a tag “{key[:60]}”"
                self.mistakes.add(lines[key][0], f"{told}{read.nearest(key, self.names.tags)}")
            elif value not in known:
                told = f"tags in {what}: no account and no entitlement has the tag {key[:60]}: {value[:60]}"
                self.mistakes.add(lines[key][1], f"{told}{read.nearest(value, known)}")
        return wanted

    def _duration(self, node: Node, what: str) -> tuple[timedelta | None, timedelta | None]:
        where = f"duration in {what}"
        fields = read.record(node, where, self.mistakes, required=(), optional=("above", "at_most"))
        if isinstance(node, Fields) and not node.pairs:
            self.mistakes.add(node.line, f"{where} is empty; give above, at_most or both.")
        above = read.duration(fields["above"], f"above of {where}", self.mistakes) if "above" in fields else None
        at_most = (
            read.duration(fields["at_most"], f"at_most of {where}", self.mistakes) if "at_most" in fields else None
        )
        if above is not None and at_most is not None and above >= at_most:
            told = f"{where} is above {compact(above)} and at most {compact(at_most)}, which nothing is."
            self.mistakes.add(node.line, told)
        return above, at_most
