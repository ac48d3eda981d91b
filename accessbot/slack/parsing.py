"""Reading what people type after `/request-aws`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accessbot.domain.durations import parse_duration
from accessbot.domain.errors import FieldRefused
from accessbot.slack.text import unescape

if TYPE_CHECKING:
    from datetime import timedelta

_QUOTES = "\"'`“”„‘’‚«»"  # noqa: RUF001 - quotation marks that phones put in
_QUOTED_WORD = re.compile(rf"\s*[{_QUOTES}]([^{_QUOTES}]+)[{_QUOTES}](?=\s|$)")
_WORD = re.compile(r"\s*(\S+)")
_HELP = frozenset({"help", "-h", "--help", "?"})


@dataclass(frozen=True, slots=True)
class Typed:
    """What was understood of a typed request; "" and None stand for what is missing.

    `refusal` says what is wrong with the duration, if anything is; `duration_text` keeps what was typed for it.
    """

    entitlement: str = ""
    duration: timedelta | None = None
    duration_text: str = ""
    reason: str = ""
    refusal: FieldRefused | None = None

    @property
    def complete(self) -> bool:
        """Tell whether nothing is missing or wrong in form, so that it can be asked at once."""
        return bool(self.entitlement and self.duration and self.reason and self.refusal is None)

    @property
    def empty(self) -> bool:
        """Tell whether nothing was typed."""
        return not self.entitlement


def wants_help(text: str) -> bool:
    """Tell whether somebody asked how it works."""
    return text.strip().casefold() in _HELP


def parse_command(text: str) -> Typed:
    """Read `<entitlement> <duration> <reason>`; the reason is everything that follows, word for word.

    The first two may be in quotes of any kind. Never raises: what is missing or wrong is told in the result.
    """
    rest = unescape(text).strip()
    entitlement, rest = _word(rest)
    if not entitlement:
        return Typed()
    if not rest.strip():
        return Typed(entitlement=entitlement)
    second, reason = _word(rest)
    try:
        return Typed(
            entitlement=entitlement, duration=parse_duration(second), duration_text=second, reason=reason.strip()
        )
    except FieldRefused as refusal:
        if not second.lstrip("+-")[:1].isdigit():
            # The duration was left out: what follows is the reason.
            return Typed(entitlement=entitlement, reason=rest.strip())
        return Typed(entitlement=entitlement, duration_text=second, reason=reason.strip(), refusal=refusal)


def _word(text: str) -> tuple[str, str]:
    """Take the first word, or the first words in quotes, and give it with the rest."""
    match = _QUOTED_WORD.match(text) or _WORD.match(text)
    if match is None:
        return "", ""
    return match.group(1).strip().strip(_QUOTES).strip() or match.group(1), text[match.end() :]
