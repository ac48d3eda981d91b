"""The inputs that several forms share. Pure: data in, blocks out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain import policy
from accessbot.domain.durations import compact, spoken
from accessbot.slack import ids
from accessbot.slack.blocks import Json, field, option, plain
from accessbot.slack.text import elide

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta


def reason_field(initial: str, placeholder: str, *, hint: str = "", optional: bool = False) -> Json:
    """Give the input *Reason*, up to 1,000 characters."""
    return text_field("Reason", ids.REASON, initial, placeholder, hint=hint, optional=optional)


def text_field(
    label: str, control: str, initial: str = "", placeholder: str = "", *, hint: str = "", optional: bool = False
) -> Json:
    """Give an input of several lines, up to 1,000 characters."""
    element: Json = {
        "type": "plain_text_input",
        "action_id": control,
        "multiline": True,
        "max_length": policy.REASON_LIMIT,
    }
    if placeholder:
        element["placeholder"] = plain(elide(placeholder, 150))
    if initial:
        element["initial_value"] = initial[: policy.REASON_LIMIT]
    return field(label, control, element, hint=hint, optional=optional)


def duration_select(offered: Sequence[timedelta], chosen: timedelta) -> Json:
    """Give a select of durations with one of them chosen."""
    options = [option(spoken(duration), compact(duration)) for duration in offered]
    element: Json = {"type": "static_select", "action_id": ids.DURATION, "options": options}
    if chosen in offered:
        element["initial_option"] = option(spoken(chosen), compact(chosen))
    return element


def person_field(label: str, control: str, initial: str = "", *, hint: str = "", optional: bool = False) -> Json:
    """Give an input for one person of the workspace."""
    element: Json = {"type": "users_select", "action_id": control, "placeholder": plain("Choose a person")}
    if initial:
        element["initial_user"] = initial
    return field(label, control, element, hint=hint, optional=optional)


def moment_field(
    label: str, control: str, initial: datetime | None = None, *, hint: str = "", optional: bool = False
) -> Json:
    """Give an input for a date and time, which Slack shows in each reader's own zone."""
    element: Json = {"type": "datetimepicker", "action_id": control}
    if initial is not None:
        element["initial_date_time"] = int(initial.timestamp())
    return field(label, control, element, hint=hint, optional=optional)
