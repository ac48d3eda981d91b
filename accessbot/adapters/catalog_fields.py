"""Reading single fields of a catalog: what is wrong is noted and None given, so that reading goes on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from functools import lru_cache

from accessbot.adapters.catalog_yaml import Fields, Items, Node, Text
from accessbot.domain.durations import parse_duration
from accessbot.domain.errors import FieldRefused
from accessbot.domain.model import Selector, SelectorKind

_EMAIL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_{|}~.-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", re.ASCII)
_USERGROUP = re.compile(r"S[A-Z0-9]{2,}", re.ASCII)
_SELECTORS = "everyone, group:…@…, user:…@… or slack-usergroup:S…"


@dataclass(slots=True)
class Mistakes:
    """What was found wrong, with its line."""

    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, sentence: str) -> None:
        """Note one mistake."""
        self.found.append((line, sentence))

    def lines(self, name: str) -> tuple[str, ...]:
        """Give each mistake once as `file:line: sentence`, in file order."""
        return tuple(f"{name}:{line}: {sentence}" for line, sentence in sorted(set(self.found)))


def kind(node: Node) -> str:
    """Name what a node is, for people."""
    if isinstance(node, Items):
        return "a list"
    return "a mapping" if isinstance(node, Fields) else "a text"


@lru_cache(maxsize=1_000)
def _nearest(name: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(name, known, n=1, cutoff=0.6) or [k for k in known if k.casefold() == name.casefold()]
    return f"; did you mean “{close[0]}”?" if close else ""


def nearest(name: str, known: Iterable[str]) -> str:
    """Give the end of a sentence that names the closest of the known names; "." when none is close."""
    return _nearest(name, tuple(known)) or "."


def record(
    node: Node, what: str, mistakes: Mistakes, *, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, Node]:
    """Read a mapping with known keys: the fields that are there, after noting all that is wrong with the keys."""
    fields = mapping(node, what, mistakes)
    if fields is None:
        return {}
    known = (*required, *optional)
    for key, (line, _) in fields.items():
        if key not in known:
            hint = nearest(key, known)
            mistakes.add(
                line, f"{what} has no key “{key}”{hint if hint != '.' else '; its keys are ' + ', '.join(known)}"
            )
    for key in required:
        if key not in fields:
            mistakes.add(node.line, f"{what} lacks the key “{key}”.")
    return {key: value for key, (_, value) in fields.items() if key in known}


def mapping(node: Node, what: str, mistakes: Mistakes) -> dict[str, tuple[int, Node]] | None:
    """Read a mapping with any keys, as key → (its line, value); None when it is none."""
    if not isinstance(node, Fields):
        mistakes.add(node.line, f"{what} has to be a mapping of keys to values, not {_content(node)}.")
        return None
    found: dict[str, tuple[int, Node]] = {}
    for key, value in node.pairs:
        if not isinstance(key, Text):
            mistakes.add(key.line, f"a key of {what} has to be a text, not {kind(key)}.")
        elif key.plain and key.value == "<<":
            mistakes.add(key.line, "merge keys (<<) are not read; write the keys out.")
        elif key.value in found:
            first = found[key.value][0]
            mistakes.add(key.line, f"{what} has the key “{key.value}” twice; the first is on line {first}.")
        else:
            found[key.value] = (key.line, value)
    return found


def items(node: Node, what: str, mistakes: Mistakes) -> list[Node] | None:
    """Read a list; None when it is none."""
    if not isinstance(node, Items):
        mistakes.add(node.line, f"{what} has to be a list, not {_content(node)}.")
        return None
    return node.items


def _content(node: Node) -> str:
    if isinstance(node, Text):
        return f"“{node.value[:40]}”" if node.value else "empty"
    return kind(node)


def text(node: Node, what: str, mistakes: Mistakes, *, most: int = 1_000) -> str | None:
    """Read a text that is not empty; one that YAML takes for something else has to be quoted."""
    if not isinstance(node, Text):
        mistakes.add(node.line, f"{what} has to be a text, not {kind(node)}.")
        return None
    value = " ".join(node.value.split())
    if not value:
        mistakes.add(node.line, f"{what} is empty.")
    elif node.reads_as:
        mistakes.add(node.line, f'{what} is read by YAML as {node.reads_as}; put it in quotes: "{node.value}".')
    elif len(value) > most:
        mistakes.add(node.line, f"{what} has {len(value):,} characters; shorten it to {most:,}.")
    else:
        return value
    return None


def matching(node: Node, what: str, mistakes: Mistakes, pattern: re.Pattern[str], rule: str) -> str | None:
    """Read a text that has a form; `rule` ends the sentence “…, but …”."""
    value = text(node, what, mistakes)
    if value is not None and not pattern.fullmatch(value):
        mistakes.add(node.line, f"{what} {rule}, and “{value[:60]}” is not.")
        return None
    return value


def email(node: Node, what: str, mistakes: Mistakes) -> str | None:
    """Read an email address, in lower case."""
    value = matching(node, what, mistakes, _EMAIL, "has to be an email address like name@example.com")
    return None if value is None else value.casefold()


def choice(node: Node, what: str, mistakes: Mistakes, choices: tuple[str, ...]) -> str | None:
    """Read one of a few words."""
    value = text(node, what, mistakes)
    if value is not None and value not in choices:
        mistakes.add(node.line, f"{what} is “{value[:40]}”; it can be {', '.join(choices[:-1])} or {choices[-1]}.")
        return None
    return value


def known(node: Node, what: str, mistakes: Mistakes, names: Mapping[str, object]) -> str | None:
    """Read a name that has to be defined elsewhere in the catalog."""
    value = text(node, what, mistakes)
    if value is not None and value not in names:
        mistakes.add(node.line, f"{what} “{value[:60]}” is not defined{nearest(value, names)}")
        return None
    return value


def number(node: Node, what: str, mistakes: Mistakes, least: int) -> int | None:
    """Read a whole number of at least `least`."""
    value = node.value if isinstance(node, Text) and node.plain else ""
    if not re.fullmatch(r"[1-9]\d{0,5}|0", value, re.ASCII) or int(value) < least:
        shown = f", not “{node.value[:40]}”" if isinstance(node, Text) else f", not {kind(node)}"
        mistakes.add(node.line, f"{what} has to be a whole number of at least {least}{shown}.")
        return None
    return int(value)


def duration(node: Node, what: str, mistakes: Mistakes) -> timedelta | None:
    """Read a duration; a bare number has no unit and is no duration."""
    if isinstance(node, Text) and node.value:
        try:
            return parse_duration(node.value)
        except FieldRefused:
            mistakes.add(
                node.line,
                f"{what} has to be a duration like 45m, 1h30m or 2d of at most a year, not “{node.value[:40]}”.",
            )
            return None
    mistakes.add(node.line, f"{what} has to be a duration like 45m, 1h30m or 2d, not {_content(node)}.")
    return None


def selectors(node: Node, what: str, mistakes: Mistakes, *, everyone: bool, empty: bool = False) -> dict[Selector, int]:
    """Read a list of selectors, each once and with its line; `everyone` and `empty` say whether these may be."""
    listed = items(node, what, mistakes)
    if listed is None:
        return {}
    if not listed and not empty:
        mistakes.add(node.line, f"{what} is empty; list at least one of {_SELECTORS}.")
    found: dict[Selector, int] = {}
    for item in listed:
        one = selector(item, what, mistakes)
        if one is None:
            continue
        if one.kind is SelectorKind.EVERYONE and not everyone:
            mistakes.add(item.line, f"{what} cannot be everyone; name groups or users.")
            continue
        found.setdefault(one, item.line)
    return found


def selector(node: Node, what: str, mistakes: Mistakes) -> Selector | None:
    """Read one selector."""
    if isinstance(node, Fields) and len(node.pairs) == 1:
        key, rest = node.pairs[0]
        if isinstance(key, Text) and isinstance(rest, Text):
            mistakes.add(node.line, f"{what}: write {key.value}:{rest.value} without a blank after the colon.")
            return None
    written = text(node, what, mistakes)
    if written is None:
        return None
    name, colon, value = written.partition(":")
    if name not in set(SelectorKind):
        mistakes.add(node.line, f"{what}: “{written[:60]}” names nobody; write {_SELECTORS}.")
        return None
    which = SelectorKind(name)
    if which is SelectorKind.EVERYONE:
        right = not colon
    elif which is SelectorKind.SLACK_USERGROUP:
        right = _USERGROUP.fullmatch(value) is not None
    else:
        right = _EMAIL.fullmatch(value) is not None
        value = value.casefold()
    if not right:
        shape = {SelectorKind.EVERYONE: "everyone", SelectorKind.SLACK_USERGROUP: "slack-usergroup:S0123ABCD"}
        mistakes.add(
            node.line,
            f"{what}: “{written[:60]}” is not complete; write {shape.get(which, f'{which}:name@example.com')}.",
        )
        return None
    return Selector(which, value)
