"""Reading single fields of a catalog: what is wrong is noted and None given, so that reading goes on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from functools import lru_cache

from accessbot.adapters.catalog_yaml import Fields, Items, Node, Text
from accessbot.domain.durations import parse_duration
from accessbot.domain.errors import FieldRefused

EMAIL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_{|}~.-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", re.ASCII)
"""What an email address looks like."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}", re.ASCII)
"""What an account, a policy or a schedule may be called."""

NAME_RULE = "has to be at most 100 letters, digits, dots, slashes, underscores and hyphens"


_UNBOUNDED = 1_000_000
_MOST_COMPARED = 1_000


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
    """Give the end of a sentence that names the closest known name; "." when none is close, or too many are known."""
    names = tuple(known)
    return (_nearest(name, names) if len(names) <= _MOST_COMPARED else "") or "."


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
        mistakes.add(node.line, f"{what} has to be a mapping of keys to values, not {content(node)}.")
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


def named(node: Node, what: str, mistakes: Mistakes, *, empty: bool = False) -> Iterator[tuple[str, Node]]:
    """Walk the entries of a mapping whose keys are names; `empty` says whether there may be none."""
    entries = mapping(node, what, mistakes)
    if entries is not None and not entries and not empty:
        mistakes.add(node.line, f"{what} is empty; define at least one.")
    for key, (line, value) in (entries or {}).items():
        if not NAME.fullmatch(key):
            mistakes.add(line, f"“{key[:60]}” cannot be a name in {what}: it {NAME_RULE}.")
        yield key, value


def items(node: Node, what: str, mistakes: Mistakes) -> list[Node] | None:
    """Read a list; None when it is none."""
    if not isinstance(node, Items):
        mistakes.add(node.line, f"{what} has to be a list, not {content(node)}.")
        return None
    return node.items


def content(node: Node) -> str:
    """Name what stands where something else should, for people."""
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


def exact(node: Node, what: str, mistakes: Mistakes, check: Callable[[str], str | None]) -> str | None:
    """Read a text with its white space; `check` gives the end of the sentence that tells what is wrong with it."""
    if text(node, what, mistakes, most=_UNBOUNDED) is None or not isinstance(node, Text):
        return None
    value = node.value.strip()
    mistake = check(value)
    if mistake is not None:
        mistakes.add(node.line, f"{what} {' '.join(mistake.split())}.")
        return None
    return value


def matching(node: Node, what: str, mistakes: Mistakes, pattern: re.Pattern[str], rule: str) -> str | None:
    """Read a text that has a form; `rule` ends the sentence “…, but …”."""
    value = text(node, what, mistakes)
    if value is not None and not pattern.fullmatch(value):
        mistakes.add(node.line, f"{what} {rule}, and “{value[:60]}” is not.")
        return None
    return value


def email(node: Node, what: str, mistakes: Mistakes) -> str | None:
    """Read an email address, in lower case."""
    value = matching(node, what, mistakes, EMAIL, "has to be an email address like name@example.com")
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


def boolean(node: Node, what: str, mistakes: Mistakes) -> bool | None:
    """Read `true` or `false`."""
    value = node.value.lower() if isinstance(node, Text) and node.plain else ""
    if value not in ("true", "false"):
        mistakes.add(node.line, f"{what} has to be true or false, not {content(node)}.")
        return None
    return value == "true"


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
    mistakes.add(node.line, f"{what} has to be a duration like 45m, 1h30m or 2d, not {content(node)}.")
    return None
