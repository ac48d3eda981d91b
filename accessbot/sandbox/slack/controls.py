"""The controls people fill in: where they are, what they hold, in the shape of Slack's `state.values`."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from accessbot.sandbox.slack.elements import flat_options, is_date, is_date_time, is_time, same_option
from accessbot.sandbox.slack.errors import Refused, UnknownThing

Json = dict[str, Any]
Values = dict[str, dict[str, Json]]

REQUIRED = "Please complete this required field."

# element type → (field in state.values, field with the initial value, holds a list)
_HOLDS: dict[str, tuple[str, str, bool]] = {
    "plain_text_input": ("value", "initial_value", False),
    "email_text_input": ("value", "initial_value", False),
    "url_text_input": ("value", "initial_value", False),
    "number_input": ("value", "initial_value", False),
    "static_select": ("selected_option", "initial_option", False),
    "external_select": ("selected_option", "initial_option", False),
    "radio_buttons": ("selected_option", "initial_option", False),
    "multi_static_select": ("selected_options", "initial_options", True),
    "multi_external_select": ("selected_options", "initial_options", True),
    "checkboxes": ("selected_options", "initial_options", True),
    "users_select": ("selected_user", "initial_user", False),
    "multi_users_select": ("selected_users", "initial_users", True),
    "channels_select": ("selected_channel", "initial_channel", False),
    "multi_channels_select": ("selected_channels", "initial_channels", True),
    "conversations_select": ("selected_conversation", "initial_conversation", False),
    "multi_conversations_select": ("selected_conversations", "initial_conversations", True),
    "datepicker": ("selected_date", "initial_date", False),
    "timepicker": ("selected_time", "initial_time", False),
    "datetimepicker": ("selected_date_time", "initial_date_time", False),
}
_PATTERNS: dict[str, tuple[re.Pattern[str], str]] = {
    "email_text_input": (re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"), "Enter a valid email address."),
    "url_text_input": (re.compile(r"https?://\S+"), "Enter a valid URL."),
    "number_input": (re.compile(r"-?\d+(\.\d+)?"), "Enter a number."),
}
# What a client sends is checked by the field it is in; ids are any text here, whose they are is looked at elsewhere.
_SHAPES: dict[str, tuple[Callable[[object], bool], str]] = {
    "value": (lambda value: isinstance(value, str), "a text"),
    "selected_date": (is_date, "a date"),
    "selected_time": (is_time, "a time of day"),
    "selected_date_time": (is_date_time, "a moment in seconds"),
    "selected_user": (lambda value: isinstance(value, str), "a person"),
    "selected_channel": (lambda value: isinstance(value, str), "a channel"),
    "selected_conversation": (lambda value: isinstance(value, str), "a conversation"),
}


@dataclass(frozen=True)
class Control:
    """One control of a view or a message."""

    block_id: str
    action_id: str
    element: Json
    label: str
    is_input: bool
    optional: bool
    dispatches: bool

    @property
    def kind(self) -> str:
        """Return the element's type."""
        return str(self.element["type"])

    @property
    def holds(self) -> bool:
        """Tell whether it has a value (a button has none)."""
        return self.kind in _HOLDS

    @property
    def field(self) -> str:
        """Return the name of its value in `state.values`."""
        return _HOLDS[self.kind][0]

    def initial(self) -> Json:
        """Return its entry of `state.values` as the form opens."""
        field, initial, many = _HOLDS[self.kind]
        return {"type": self.kind, field: self.element.get(initial, [] if many else None)}


def controls(blocks: list[Json]) -> Iterator[Control]:
    """Go through the controls of some blocks in reading order."""
    for block in blocks:
        for element in _elements(block):
            is_input = block["type"] == "input"
            yield Control(
                block_id=block["block_id"],
                action_id=element["action_id"],
                element=element,
                label=_label(block, element),
                is_input=is_input,
                optional=bool(block.get("optional")) if is_input else True,
                dispatches=bool(block.get("dispatch_action")) if is_input else True,
            )


def find_control(blocks: list[Json], block_id: str, action_id: str) -> Control:
    """Return one control.

    Raises:
        UnknownThing: there is none of these ids.
    """
    for control in controls(blocks):
        if (control.block_id, control.action_id) == (block_id, action_id):
            return control
    raise UnknownThing(f"there is no control {action_id} in block {block_id} here any more")


def initial_values(blocks: list[Json], kept: Values | None = None) -> Values:
    """Return `state.values` for new blocks; what `kept` holds for the same control and type stays."""
    values: Values = {}
    for control in controls(blocks):
        if control.holds:
            before = (kept or {}).get(control.block_id, {}).get(control.action_id)
            same = before is not None and before.get("type") == control.kind
            values.setdefault(control.block_id, {})[control.action_id] = (
                before if before is not None and same else control.initial()
            )
    return values


def cleaned(control: Control, given: Mapping[str, Any], offered: Callable[[Control], list[Json]]) -> Json:
    """Return a control's entry of `state.values` from what the client sent.

    Args:
        control: the control.
        given: an entry in the shape of `state.values`.
        offered: the options a type-ahead has shown for a control.

    Raises:
        Refused: an option was never offered, or the value has the wrong shape.
    """
    field, _, many = _HOLDS[control.kind]
    value = given.get(field)
    name = control.label or control.action_id
    if many and not isinstance(value, list | None):
        raise Refused(f"{name} takes a list")
    fits, what = _SHAPES.get(field, (lambda _: True, ""))
    if value not in (None, "") and not fits(value):
        raise Refused(f"{name} takes {what}")
    most = control.element.get("max_selected_items")
    if many and value and most is not None and len(value) > most:
        raise Refused(f"{name} takes no more than {most}")
    if field in {"selected_option", "selected_options"}:
        chosen = value if many else [value]
        preset = [control.element.get("initial_option"), *(control.element.get("initial_options") or ())]
        known = [*flat_options(control.element), *(each for each in preset if each), *offered(control)]
        value = [_known(control, option, known) for option in chosen or () if option is not None]
        if not many:
            value = value[0] if value else None
    return {"type": control.kind, field: ([] if value is None else value) if many else (value or None)}


def mistake(control: Control, entry: Json) -> str | None:
    """Return what the Slack client says about a value before it submits the form, or None."""
    value = entry.get(control.field)
    if value in (None, "", []):
        return None if control.optional else REQUIRED
    if isinstance(value, str):
        least, most = control.element.get("min_length"), control.element.get("max_length")
        if least is not None and len(value) < least:
            return f"Must be at least {least} characters."
        if most is not None and len(value) > most:
            return f"Must be at most {most} characters."
        pattern = _PATTERNS.get(control.kind)
        if pattern and not pattern[0].fullmatch(value):
            return pattern[1]
    return None


def _known(control: Control, option: object, known: list[Json]) -> Json:
    for candidate in known:
        if same_option(candidate, option):
            return candidate
    raise Refused(f"that choice is not among the options of {control.label or control.action_id}")


def _elements(block: Json) -> Iterator[Json]:
    for element in (block.get("accessory"), block.get("element"), *(block.get("elements") or ())):
        if isinstance(element, dict) and "action_id" in element:
            yield element


def _label(block: Json, element: Json) -> str:
    """Return what a person reads next to a control."""
    for holder, key in ((block, "label"), (element, "text"), (element, "placeholder"), (block, "text")):
        text = holder.get(key)
        if isinstance(text, dict):
            return str(text.get("text", ""))
    return ""
