"""What people filled into a form, read back whatever its shape."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from accessbot.domain.durations import parse_duration
from accessbot.domain.errors import FieldRefused
from accessbot.slack import ids

if TYPE_CHECKING:
    from datetime import timedelta

    from accessbot.slack.blocks import Json

_CONTROLS: Final = frozenset(
    {
        ids.ACCESS,
        ids.DURATION,
        ids.REASON,
        ids.EMERGENCY,
        ids.MORE_ACCESS,
        ids.FOR,
        ids.STARTS,
        ids.COMMENT,
        ids.QUESTION,
        ids.REPLY,
        ids.TO,
        ids.FROM,
        ids.UNTIL,
    }
)
_SINGLE: Final = ("value", "selected_user", "selected_date_time")


@dataclass(frozen=True, slots=True)
class Filled:
    """What was filled in, control by control; `blocks` tells the id of the block in which each control stands."""

    values: dict[str, tuple[str, ...]]
    blocks: dict[str, str]

    def text(self, control: str) -> str:
        """Give the one value of a control, "" when it is empty or not there."""
        return next(iter(self.values.get(control, ())), "")

    @property
    def entitlement(self) -> str:
        """Name what was chosen in *Access*."""
        return self.text(ids.ACCESS)

    @property
    def entitlements(self) -> tuple[str, ...]:
        """Name all that was chosen, *Access* first and nothing twice."""
        return tuple(dict.fromkeys(name for name in (self.entitlement, *self.values.get(ids.MORE_ACCESS, ())) if name))

    @property
    def duration_text(self) -> str:
        """Give *Duration* as it was written."""
        return self.text(ids.DURATION)

    @property
    def reason(self) -> str:
        """Give *Reason*."""
        return self.text(ids.REASON)

    @property
    def emergency(self) -> bool:
        """Tell whether *Emergency* is ticked."""
        return bool(self.values.get(ids.EMERGENCY))

    def duration(self) -> timedelta:
        """Read the duration. Raises `FieldRefused` when there is none, or it is none."""
        if not self.duration_text.strip():
            raise FieldRefused("duration", "Say for how long, like 45m, 1h30m or 2d.")
        return parse_duration(self.duration_text)

    def moment(self, control: str) -> datetime | None:
        """Read a date and time; None when it is empty. Raises `FieldRefused` for what is none."""
        text = self.text(control)
        if not text:
            return None
        try:
            return datetime.fromtimestamp(int(text), UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise FieldRefused(control, "That is no date and time; choose one.") from error


def read_filled(view: object) -> Filled:
    """Read what was filled into a form; a control that is not there, or of another shape, counts as empty."""
    values: dict[str, tuple[str, ...]] = {}
    blocks: dict[str, str] = {}
    state = view.get("state") if isinstance(view, dict) else None
    groups = state.get("values") if isinstance(state, dict) else None
    for block_id, controls in (groups if isinstance(groups, dict) else {}).items():
        for action_id, control in (controls if isinstance(controls, dict) else {}).items():
            if action_id in _CONTROLS and isinstance(control, dict):
                values[action_id] = _values(control)
                blocks[action_id] = str(block_id)
    return Filled(values, blocks)


def _values(control: Json) -> tuple[str, ...]:
    many = control.get("selected_options")
    options = many if isinstance(many, list) else [control.get("selected_option")]
    chosen = [option.get("value") for option in options if isinstance(option, dict)]
    found = chosen or [control.get(key) for key in _SINGLE]
    return tuple(_text(value) for value in found if _text(value))


def _text(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""
