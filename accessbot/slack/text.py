"""Words for Slack: escaping, mentions, dates, and cutting to a limit without breaking what is cut."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from accessbot.domain.durations import spoken
from accessbot.domain.lifecycle import SYSTEM
from accessbot.domain.model import SelectorKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from accessbot.domain.model import Selector

SECTION_LIMIT = 3000
"""Longest text of a section, in characters (Slack's Block Kit reference)."""

_KEPT_CONTROLS = "\n\t"
_OTHER_LINE_ENDS = str.maketrans("\u2028\u2029", "\n\n")
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def escape(text: str) -> str:
    """Make free text safe inside mrkdwn: nothing in it can mention, link or reorder what is read.

    Slack's three special characters are escaped, control characters and those that turn the reading direction removed.
    """
    text = text.translate(_OTHER_LINE_ENDS)
    shown = "".join(c for c in text if c in _KEPT_CONTROLS or (unicodedata.category(c) != "Cc" and c not in _BIDI))
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """Undo Slack's own escaping of the text of a command."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def elide(text: str, limit: int) -> str:
    """Cut a text to `limit` characters, with an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def elide_escaped(text: str, limit: int) -> str:
    """Escape a text and cut it to `limit` characters; an escaped character is never cut in the middle."""
    escaped = escape(text)
    if len(escaped) <= limit:
        return escaped
    kept: list[str] = []
    room = limit - 1
    for character in text:
        piece = escape(character)
        if len(piece) > room:
            break
        kept.append(piece)
        room -= len(piece)
    return "".join(kept).rstrip() + "…"


def quoted(text: str, limit: int = SECTION_LIMIT - 500) -> str:
    """Show free text as a quotation: every line of it is marked, so it cannot pass for our own words."""
    text = text.translate(_OTHER_LINE_ENDS).replace("\r\n", "\n").replace("\r", "\n")
    lines = [line for line in text.split("\n") if line.strip()]
    room = limit - 5 * max(0, len(lines) - 1)
    shown = elide_escaped("\n".join(lines), max(room, limit // 2))
    return elide("\n".join(f"> {line}" for line in shown.split("\n")), limit)


def mention(actor: str) -> str:
    """Name who acted: a Slack user by mention, an operator of the command line by name, or accessbot."""
    if actor.startswith("cli:"):
        return f"operator {escape(actor.removeprefix('cli:'))}"
    if actor in (SYSTEM, ""):
        return SYSTEM
    return f"<@{escape(actor)}>"


def mentions(actors: Iterable[str]) -> str:
    """Name several people: `A`, `A and B`, `A, B and C`."""
    return listing([mention(actor) for actor in actors])


def listing(parts: list[str]) -> str:
    """Join words as people do: `A, B and C`."""
    if len(parts) <= 1:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def utc(at: datetime, *, seconds: bool = False) -> str:
    """Write a time for those whose client cannot: `24 Nov 2026, 16:00 UTC`."""
    clock = f"{at:%H:%M:%S}" if seconds else f"{at:%H:%M}"
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}, {clock} UTC"


def when(at: datetime, *, seconds: bool = False) -> str:
    """Write a time in mrkdwn so that each reader sees it in their own time zone."""
    clock = "{time_secs}" if seconds else "{time}"
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} at {clock}|{utc(at, seconds=seconds)}>"


def left(duration: timedelta) -> str:
    """Write the time left: whole minutes when there are many, never `0 s`."""
    minute = 60
    total = int(duration.total_seconds())
    if total >= 10 * minute:
        total -= total % minute
    return spoken(type(duration)(seconds=total))


def who(selector: Selector) -> str:
    """Name the people of a catalog line without mentioning (and so waking) anybody."""
    match selector.kind:
        case SelectorKind.EVERYONE:
            return "everyone"
        case SelectorKind.GROUP:
            return f"group {escape(selector.value)}"
        case SelectorKind.SLACK_USERGROUP:
            return f"Slack user group {escape(selector.value)}"
        case SelectorKind.MANAGER:
            return "the requester’s manager"
        case SelectorKind.ON_CALL:
            return f"whoever is on call on {escape(selector.value)}"
        case _:
            return escape(selector.value)


def count(number: int, one: str, many: str = "") -> str:
    """Count things: `1 grant`, `2 grants`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


_PERSON = re.compile(r"&lt;@([UW][A-Z0-9]{1,20})&gt;")


def sentence(text: str) -> str:
    """Show one of our own sentences: escaped like any text, but a person named in it stays a mention."""
    return _PERSON.sub(r"<@\1>", escape(text))


def without_mentions(text: str) -> str:
    """Show one of our own sentences where Slack shows plain text only."""
    return re.sub(r"<@[UW][A-Z0-9]{1,20}>", "somebody else", text)
