"""Reading who a catalog means: lists of selectors, each kind only where it makes sense."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from accessbot.adapters import catalog_fields as read
from accessbot.adapters.catalog_fields import Mistakes
from accessbot.adapters.catalog_yaml import Fields, Node, Text
from accessbot.domain.model import Selector, SelectorKind

USERGROUP = re.compile(r"S[A-Z0-9]{2,}", re.ASCII)
"""What the id of a Slack user group looks like."""

_BARE = frozenset({SelectorKind.EVERYONE, SelectorKind.MANAGER})
_KINDS = {
    SelectorKind.EVERYONE: "everyone",
    SelectorKind.GROUP: "group:…@…",
    SelectorKind.USER: "user:…@…",
    SelectorKind.SLACK_USERGROUP: "slack-usergroup:S…",
    SelectorKind.ON_CALL: "on-call:…",
    SelectorKind.MANAGER: "manager",
}
_SHAPES = {
    SelectorKind.EVERYONE: "everyone",
    SelectorKind.MANAGER: "manager",
    SelectorKind.GROUP: "group:name@example.com",
    SelectorKind.USER: "user:name@example.com",
    SelectorKind.SLACK_USERGROUP: "slack-usergroup:S0123ABCD",
    SelectorKind.ON_CALL: "on-call:name-of-a-schedule",
}
_NAMED = frozenset({SelectorKind.GROUP, SelectorKind.USER, SelectorKind.SLACK_USERGROUP, SelectorKind.ON_CALL})

ASKING = _NAMED | {SelectorKind.EVERYONE}
"""Who may ask: anybody, however named, but not by being somebody's manager."""

DECIDING = _NAMED | {SelectorKind.MANAGER}
"""Who may decide or be told: anybody but everyone."""

NAMED = _NAMED
"""Neither everyone nor a requester's manager."""

TAKING_TURNS = frozenset({SelectorKind.USER, SelectorKind.GROUP})
"""Who a rotation may hold."""


@dataclass(frozen=True, slots=True)
class People:
    """Reads selectors; `schedules` are those that the catalog defines, broken ones too."""

    schedules: Mapping[str, object]
    mistakes: Mistakes

    def each(
        self, node: Node, what: str, kinds: frozenset[SelectorKind], *, empty: bool = False
    ) -> dict[Selector, int]:
        """Read a list of selectors of these kinds, each once and with its line."""
        found: dict[Selector, int] = {}
        for one, line in self.listed(node, what, kinds, empty=empty):
            found.setdefault(one, line)
        return found

    def listed(
        self, node: Node, what: str, kinds: frozenset[SelectorKind], *, empty: bool = False
    ) -> list[tuple[Selector, int]]:
        """Read a list of selectors of these kinds with their lines, in its order and as often as they are there."""
        items = read.items(node, what, self.mistakes)
        if items is None:
            return []
        if not items and not empty:
            self.mistakes.add(node.line, f"{what} is empty; list at least one of {_choices(kinds)}.")
        pairs = ((self.one(item, what, kinds), item.line) for item in items)
        return [(one, line) for one, line in pairs if one is not None]

    def one(self, node: Node, what: str, kinds: frozenset[SelectorKind]) -> Selector | None:
        """Read one selector of these kinds."""
        selector = self._parsed(node, what, kinds)
        if selector is None:
            return None
        if selector.kind not in kinds:
            self.mistakes.add(node.line, f"{what} cannot be {selector}; {_instead(selector.kind, kinds)}.")
            return None
        if selector.kind is SelectorKind.ON_CALL and selector.value not in self.schedules:
            hint = read.nearest(selector.value, self.schedules)
            self.mistakes.add(
                node.line, f"{what}: the schedule of “{str(selector)[:60]}” is not defined in schedules{hint}"
            )
            return None
        return selector

    def _parsed(self, node: Node, what: str, kinds: frozenset[SelectorKind]) -> Selector | None:
        if isinstance(node, Fields) and len(node.pairs) == 1:
            key, rest = node.pairs[0]
            if isinstance(key, Text) and isinstance(rest, Text):
                self.mistakes.add(
                    node.line, f"{what}: write {key.value[:60]}:{rest.value[:60]} without a blank after the colon."
                )
                return None
        written = read.text(node, what, self.mistakes)
        if written is None:
            return None
        name, colon, value = written.partition(":")
        if name not in set(SelectorKind):
            self.mistakes.add(node.line, f"{what}: “{written[:60]}” names nobody; write {_choices(kinds)}.")
            return None
        kind = SelectorKind(name)
        if kind in (SelectorKind.GROUP, SelectorKind.USER):
            value = value.casefold()
        if bool(colon) is (kind in _BARE) or not _complete(kind, value):
            self.mistakes.add(node.line, f"{what}: “{written[:60]}” is not complete; write {_SHAPES[kind]}.")
            return None
        return Selector(kind, value)


def _complete(kind: SelectorKind, value: str) -> bool:
    if kind in _BARE:
        return True
    if kind is SelectorKind.ON_CALL:
        return read.NAME.fullmatch(value) is not None
    return (USERGROUP if kind is SelectorKind.SLACK_USERGROUP else read.EMAIL).fullmatch(value) is not None


def _choices(kinds: frozenset[SelectorKind]) -> str:
    *most, last = (form for kind, form in _KINDS.items() if kind in kinds)
    return f"{', '.join(most)} or {last}" if most else last


def _instead(kind: SelectorKind, kinds: frozenset[SelectorKind]) -> str:
    if kind is SelectorKind.EVERYONE:
        return "name groups or users"
    if kind is SelectorKind.MANAGER:
        return "a manager is known only for whoever asks, so it goes with approvers, tell, escalate and owners"
    return f"write {_choices(kinds)}"
