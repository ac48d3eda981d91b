"""Reading what people type after `/request-aws`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from accessbot.domain.durations import parse_duration
from accessbot.domain.errors import FieldRefused
from accessbot.slack.text import unescape

if TYPE_CHECKING:
    from datetime import timedelta

_QUOTES = "\"'`“”„‘’‚«»"  # noqa: RUF001 - quotation marks that phones put in
_QUOTED_WORD = re.compile(rf"\s*[{_QUOTES}]([^{_QUOTES}]+)[{_QUOTES}](?=\s|$)")
_WORD = re.compile(r"\s*(\S+)")
_LISTED = re.compile(r"\s*(\S+?\s*,\s*)(?=\S)")
_HELP = frozenset({"help", "-h", "--help", "?"})
_EMERGENCY = frozenset({"emergency", "--emergency"})


@dataclass(frozen=True, slots=True)
class Typed:
    """What was understood of a typed request; "" and None stand for what is missing.

    `entitlement` is the first of those named, `more` are the others. `refusal` says what is wrong with the duration, if
    anything is; `duration_text` keeps what was typed for it.
    """

    entitlement: str = ""
    duration: timedelta | None = None
    duration_text: str = ""
    reason: str = ""
    refusal: FieldRefused | None = None
    more: tuple[str, ...] = ()
    emergency: bool = False

    @property
    def complete(self) -> bool:
        """Tell whether nothing is missing or wrong in form, so that it can be asked at once."""
        return bool(self.entitlement and self.duration and self.reason and self.refusal is None)

    @property
    def empty(self) -> bool:
        """Tell whether nothing was typed that says for what."""
        return not self.entitlement

    @property
    def entitlements(self) -> tuple[str, ...]:
        """List all that were named."""
        return (self.entitlement, *self.more) if self.entitlement else ()


def wants_help(text: str) -> bool:
    """Tell whether somebody asked how it works."""
    return text.strip().casefold() in _HELP


def parse_command(text: str) -> Typed:
    """Read `[emergency] <entitlement>[,<entitlement>…] <duration> <reason>`; the reason is all that follows, as it is.

    The first two may be in quotes of any kind. Never raises: what is missing or wrong is told in the result.
    """
    rest = unescape(text).strip()
    first, after = _word(rest)
    if first.casefold() in _EMERGENCY:
        return replace(_read(after.strip()), emergency=True)
    return _read(rest)


def _read(rest: str) -> Typed:
    names, rest = _names(rest)
    if not names:
        return Typed()
    entitlement, more = names[0], names[1:]
    if not rest.strip():
        return Typed(entitlement=entitlement, more=more)
    second, reason = _word(rest)
    try:
        return Typed(
            entitlement=entitlement,
            more=more,
            duration=parse_duration(second),
            duration_text=second,
            reason=reason.strip(),
        )
    except FieldRefused as refusal:
        if not second.lstrip("+-")[:1].isdigit():
            # The duration was left out: what follows is the reason.
            return Typed(entitlement=entitlement, more=more, reason=rest.strip())
        return Typed(entitlement=entitlement, more=more, duration_text=second, reason=reason.strip(), refusal=refusal)


def _names(text: str) -> tuple[tuple[str, ...], str]:
    """Take the names in front, which commas part, whether spaces follow those or not; and give them with the rest."""
    listed = ""
    while (match := _LISTED.match(text)) is not None and not match.group(1).startswith(","):
        listed, text = listed + match.group(1), text[match.end() :]
    last, rest = _word(text)
    names = [name.strip().strip(_QUOTES).strip() for name in (*listed.split(","), *last.split(","))]
    return tuple(dict.fromkeys(name for name in names if name)), rest


def _word(text: str) -> tuple[str, str]:
    """Take the first word, or the first words in quotes, and give it with the rest."""
    match = _QUOTED_WORD.match(text) or _WORD.match(text)
    if match is None:
        return "", ""
    return match.group(1).strip().strip(_QUOTES).strip() or match.group(1), text[match.end() :]
