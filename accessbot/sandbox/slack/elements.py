"""What Slack demands of each interactive element, by type."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from accessbot.sandbox.slack.findings import (
    MAX_ID,
    MAX_URL,
    Findings,
    check_confirm,
    check_option,
    check_style,
)

Json = dict[str, Any]

MAX_BUTTON_TEXT = 75
MAX_BUTTON_VALUE = 2000
MAX_OPTIONS = 100
MAX_OPTION_GROUPS = 100
MAX_GROUP_LABEL = 75
MAX_PLACEHOLDER = 150
MAX_CHOICES = 10  # radio buttons and checkboxes
MAX_OVERFLOW = 5
MAX_INPUT = 3000
MAX_ALT_TEXT = 2000
DEFAULT_MIN_QUERY = 3
_DATE_TIME_DIGITS = 10

SECTION, ACTIONS, INPUT, CONTEXT = "section", "actions", "input", "context"


def flat_options(holder: Mapping[str, Any]) -> Iterator[Json]:
    """Go through the options of a select or of a suggestion answer, grouped or not."""
    yield from _objects(holder.get("options"))
    for group in _objects(holder.get("option_groups")):
        yield from _objects(group.get("options"))


def _objects(thing: object) -> Iterator[Json]:
    if isinstance(thing, list):
        yield from (item for item in thing if isinstance(item, dict))


def same_option(one: object, other: object) -> bool:
    """Tell whether two option objects are the same to Slack: value and text."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return False
    texts = [option["text"].get("text") if isinstance(option.get("text"), dict) else None for option in (one, other)]
    return bool(one.get("value") == other.get("value") and texts[0] == texts[1])


def check_choices(found: Findings, holder: Mapping[str, Any], at: str, *, least: int = 1) -> None:
    """Check `options` or `option_groups`: exactly one of them, within the limits."""
    options, groups = holder.get("options"), holder.get("option_groups")
    if (options is None) == (groups is None):
        found.add("must define either `options` or `option_groups`", at)
        return
    if options is not None:
        if found.count(options, f"{at}/options", MAX_OPTIONS, least):
            for index, option in enumerate(options):
                check_option(found, option, f"{at}/options/{index}")
        return
    if not found.count(groups, f"{at}/option_groups", MAX_OPTION_GROUPS, least):
        return
    for index, group in enumerate(groups if isinstance(groups, list) else ()):
        where = f"{at}/option_groups/{index}"
        if not found.is_object(group, where):
            continue
        found.keys(group, ("label", "options"), where, ("label", "options"))
        found.optional_text(group, "label", where, MAX_GROUP_LABEL)
        if group.get("options") is not None and found.count(group["options"], f"{where}/options", MAX_OPTIONS):
            for position, option in enumerate(group["options"]):
                check_option(found, option, f"{where}/options/{position}")


def _button(found: Findings, element: Json, at: str) -> None:
    found.optional_text(element, "text", at, MAX_BUTTON_TEXT)
    found.optional_string(element, "value", at, MAX_BUTTON_VALUE)
    found.optional_string(element, "url", at, MAX_URL)
    found.optional_string(element, "accessibility_label", at, MAX_BUTTON_TEXT)
    check_style(found, element, at)


def _initials(found: Findings, element: Json, at: str, choices: Mapping[str, Any]) -> None:
    """Every initial option must be one of those offered."""
    initial = [("initial_option", element["initial_option"])] if element.get("initial_option") is not None else []
    if element.get("initial_options") is not None and found.count(
        element["initial_options"], f"{at}/initial_options", MAX_OPTIONS
    ):
        initial += [(f"initial_options/{index}", option) for index, option in enumerate(element["initial_options"])]
    for key, option in initial:
        if not any(same_option(option, offered) for offered in flat_options(choices)):
            found.add(f"`{key.split('/')[0]}` must be one of the options", f"{at}/{key}")


def _static_select(found: Findings, element: Json, at: str) -> None:
    check_choices(found, element, at)
    _initials(found, element, at, element)


def _external_select(found: Findings, element: Json, at: str) -> None:
    query = element.get("min_query_length")
    if query is not None and (not isinstance(query, int) or isinstance(query, bool) or query < 0):
        found.add("must be a non-negative integer", f"{at}/min_query_length")
    if element.get("initial_option") is not None:
        check_option(found, element["initial_option"], f"{at}/initial_option")
    many = element.get("initial_options")
    if many is not None and found.count(many, f"{at}/initial_options", MAX_OPTIONS):
        for index, option in enumerate(many):
            check_option(found, option, f"{at}/initial_options/{index}")


def _listed(most: int, *, plain: bool) -> Callable[[Findings, Json, str], None]:
    def check(found: Findings, element: Json, at: str) -> None:
        if found.count(element.get("options"), f"{at}/options", most):
            for index, option in enumerate(element["options"]):
                check_option(found, option, f"{at}/options/{index}", plain=plain)
        _initials(found, element, at, element)

    return check


def _multi(check: Callable[[Findings, Json, str], None]) -> Callable[[Findings, Json, str], None]:
    """Check a select of several beyond what the select of one is checked for: how many may be chosen."""

    def both(found: Findings, element: Json, at: str) -> None:
        check(found, element, at)
        most = element.get("max_selected_items")
        if most is None:
            return
        if not _is_whole(most) or most < 1:
            found.add("must be an integer of at least 1", f"{at}/max_selected_items")
            return
        for key in ("initial_options", "initial_users", "initial_channels", "initial_conversations"):
            if isinstance(element.get(key), list) and len(element[key]) > most:
                found.add("must not hold more than `max_selected_items`", f"{at}/{key}")

    return both


def _ids(one: str) -> Callable[[Findings, Json, str], None]:
    """Check what a select of the workspace's own things starts with: an id, or for `…s` a list of ids."""

    def check(found: Findings, element: Json, at: str) -> None:
        found.optional_string(element, one, at, MAX_ID)
        many = element.get(f"{one}s")
        if many is not None and found.count(many, f"{at}/{one}s", MAX_OPTIONS, 0):
            for index, each in enumerate(many):
                found.string(each, f"{at}/{one}s/{index}", MAX_ID)

    return check


def _date(found: Findings, element: Json, at: str) -> None:
    if element.get("initial_date") is not None and not is_date(element["initial_date"]):
        found.add("must be a date in the format YYYY-MM-DD", f"{at}/initial_date")


def _time(found: Findings, element: Json, at: str) -> None:
    if element.get("initial_time") is not None and not is_time(element["initial_time"]):
        found.add("must be a time in the format HH:mm", f"{at}/initial_time")


def _date_time(found: Findings, element: Json, at: str) -> None:
    if element.get("initial_date_time") is not None and not is_date_time(element["initial_date_time"]):
        found.add("must be a UNIX timestamp of 10 digits", f"{at}/initial_date_time")


def is_date(value: object) -> bool:
    """Tell whether this is a date as Slack writes one."""
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def is_time(value: object) -> bool:
    """Tell whether this is a time of day as Slack writes one."""
    return isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value) is not None


def is_date_time(value: object) -> bool:
    """Tell whether this is a moment as Slack writes one: seconds since the epoch, ten digits."""
    return _is_whole(value) and len(str(value)) == _DATE_TIME_DIGITS


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _text_input(found: Findings, element: Json, at: str) -> None:
    bounds: dict[str, int] = {}
    for key, least in (("min_length", 0), ("max_length", 1)):
        bound = element.get(key)
        if bound is None:
            continue
        if not isinstance(bound, int) or isinstance(bound, bool) or not least <= bound <= MAX_INPUT:
            found.add(f"must be between {least} and {MAX_INPUT}", f"{at}/{key}")
        else:
            bounds[key] = bound
    if bounds.get("min_length", 0) > bounds.get("max_length", MAX_INPUT):
        found.add("must be less than or equal to `max_length`", f"{at}/min_length")
    found.optional_string(element, "initial_value", at, bounds.get("max_length", MAX_INPUT), 0)


def _image(found: Findings, element: Json, at: str) -> None:
    found.optional_string(element, "image_url", at, MAX_URL)
    found.optional_string(element, "alt_text", at, MAX_ALT_TEXT)


def _nothing(_found: Findings, _element: Json, _at: str) -> None:
    """Nothing beyond the common fields."""


@dataclass(frozen=True)
class Rule:
    """Where an element may stand, which fields it has, and its own check."""

    places: frozenset[str]
    fields: tuple[str, ...]
    required: tuple[str, ...]
    check: Callable[[Findings, Json, str], None]


_EVERYWHERE = frozenset({SECTION, ACTIONS, INPUT})
_TYPED = frozenset({INPUT})
_SELECT = ("placeholder", "confirm", "focus_on_load")
_MULTI = (*_SELECT, "max_selected_items")
_TYPING = ("placeholder", "initial_value", "dispatch_action_config", "focus_on_load")
_LENGTHS = ("min_length", "max_length")
_CONVERSATIONS = ("default_to_current_conversation", "filter")

RULES: dict[str, Rule] = {
    "button": Rule(
        frozenset({SECTION, ACTIONS}),
        ("text", "value", "url", "style", "confirm", "accessibility_label"),
        ("text",),
        _button,
    ),
    "static_select": Rule(_EVERYWHERE, (*_SELECT, "options", "option_groups", "initial_option"), (), _static_select),
    "multi_static_select": Rule(
        _EVERYWHERE, (*_MULTI, "options", "option_groups", "initial_options"), (), _multi(_static_select)
    ),
    "external_select": Rule(_EVERYWHERE, (*_SELECT, "initial_option", "min_query_length"), (), _external_select),
    "multi_external_select": Rule(
        _EVERYWHERE, (*_MULTI, "initial_options", "min_query_length"), (), _multi(_external_select)
    ),
    "users_select": Rule(_EVERYWHERE, (*_SELECT, "initial_user"), (), _ids("initial_user")),
    "multi_users_select": Rule(_EVERYWHERE, (*_MULTI, "initial_users"), (), _multi(_ids("initial_user"))),
    "channels_select": Rule(
        _EVERYWHERE, (*_SELECT, "initial_channel", "response_url_enabled"), (), _ids("initial_channel")
    ),
    "multi_channels_select": Rule(_EVERYWHERE, (*_MULTI, "initial_channels"), (), _multi(_ids("initial_channel"))),
    "conversations_select": Rule(
        _EVERYWHERE,
        (*_SELECT, *_CONVERSATIONS, "initial_conversation", "response_url_enabled"),
        (),
        _ids("initial_conversation"),
    ),
    "multi_conversations_select": Rule(
        _EVERYWHERE, (*_MULTI, *_CONVERSATIONS, "initial_conversations"), (), _multi(_ids("initial_conversation"))
    ),
    "overflow": Rule(
        frozenset({SECTION, ACTIONS}), ("options", "confirm"), ("options",), _listed(MAX_OVERFLOW, plain=True)
    ),
    "radio_buttons": Rule(
        _EVERYWHERE,
        ("options", "initial_option", "confirm", "focus_on_load"),
        ("options",),
        _listed(MAX_CHOICES, plain=False),
    ),
    "checkboxes": Rule(
        _EVERYWHERE,
        ("options", "initial_options", "confirm", "focus_on_load"),
        ("options",),
        _listed(MAX_CHOICES, plain=False),
    ),
    "datepicker": Rule(_EVERYWHERE, (*_SELECT, "initial_date"), (), _date),
    "timepicker": Rule(_EVERYWHERE, (*_SELECT, "initial_time", "timezone"), (), _time),
    "datetimepicker": Rule(
        frozenset({ACTIONS, INPUT}), ("initial_date_time", "confirm", "focus_on_load"), (), _date_time
    ),
    "plain_text_input": Rule(_TYPED, (*_TYPING, *_LENGTHS, "multiline"), (), _text_input),
    "email_text_input": Rule(_TYPED, _TYPING, (), _text_input),
    "url_text_input": Rule(_TYPED, _TYPING, (), _text_input),
    "number_input": Rule(
        _TYPED, (*_TYPING, "is_decimal_allowed", "min_value", "max_value"), ("is_decimal_allowed",), _nothing
    ),
    "image": Rule(frozenset({SECTION, CONTEXT}), ("image_url", "alt_text"), ("image_url", "alt_text"), _image),
}


def check_element(found: Findings, element: object, at: str, place: str) -> None:
    """Check one element that stands in a block of the kind `place`."""
    if not isinstance(element, dict):
        found.add("must provide an object", at)
        return
    kind = element.get("type")
    rule = RULES.get(kind) if isinstance(kind, str) else None
    if rule is None or place not in rule.places:
        found.add(f"unsupported type: {kind}", f"{at}/type")
        return
    own = () if kind == "image" else ("action_id",)
    found.keys(element, ("type", *own, *rule.fields), at, rule.required)
    found.optional_string(element, "action_id", at, MAX_ID)
    found.optional_text(element, "placeholder", at, MAX_PLACEHOLDER)
    if element.get("confirm") is not None:
        check_confirm(found, element["confirm"], f"{at}/confirm")
    for key in ("focus_on_load", "multiline"):
        found.flag(element, key, at)
    rule.check(found, element, at)
