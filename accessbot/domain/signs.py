"""Which way a difference goes, and how people are written in one."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from accessbot.domain.model import Selector


class Sign(StrEnum):
    """Which way a difference goes."""

    GAIN = "gain"
    LOSS = "loss"
    EITHER = "either"
    NEITHER = "neither"

    @property
    def turned(self) -> Sign:
        """Give the sign of the way back."""
        return {Sign.GAIN: Sign.LOSS, Sign.LOSS: Sign.GAIN}.get(self, self)


def people(selectors: Iterable[Selector]) -> str:
    """Write selectors as the catalog does."""
    return ", ".join(sorted(map(str, selectors)))
