"""What a person reads: messages and forms as plain text."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

_ANGLES = re.compile(r"<([^<>]*)>")
_MOMENTS = ("initial_date", "initial_time", "initial_date_time")
_SPECIAL = {"here": "@here", "channel": "@channel", "everyone": "@everyone"}


def text_of(message: Mapping[str, Any], names: Mapping[str, str] | None = None) -> str:
    """Return a message as it reads: its blocks line by line, or its text when it has none.

    Args:
        message: a message of `/sandbox/state` or of the Web API.
        names: what to show for ids of people, channels and user groups.
    """
    blocks = message.get("blocks") or []
    if not blocks:
        return plain(str(message.get("text", "")), names)
    return "\n".join(blocks_text(blocks, names))


def view_text(view: Mapping[str, Any], names: Mapping[str, str] | None = None) -> str:
    """Return a form as it reads: title, blocks, buttons."""
    lines = [_text(view.get("title"), names), *blocks_text(view.get("blocks") or [], names)]
    buttons = [f"[{_text(view[key], names)}]" for key in ("close", "submit") if view.get(key)]
    return "\n".join([*lines, *([" ".join(buttons)] if buttons else [])])


def blocks_text(blocks: list[Json], names: Mapping[str, str] | None = None) -> Iterator[str]:
    """Go through blocks line by line; buttons read "[Approve]", selects "(Choose…)"."""
    for block in blocks:
        kind = block.get("type")
        if kind == "divider":
            yield "---"
        elif kind == "image":
            yield str(block.get("alt_text", ""))
        elif kind == "input":
            yield f"{_text(block.get('label'), names)}: {_element(block.get('element') or {}, names)}"
            if block.get("hint"):
                yield _text(block["hint"], names)
        else:
            yield from _pieces(block, names)


def plain(text: str, names: Mapping[str, str] | None = None) -> str:
    """Return mrkdwn with its links, mentions and dates as read; the entities of Slack undone."""

    def shown(match: re.Match[str]) -> str:
        inside, _, label = match.group(1).partition("|")
        if inside.startswith("@"):
            return f"@{(names or {}).get(inside[1:], label or inside[1:])}"
        if inside.startswith("#"):
            return f"#{label or (names or {}).get(inside[1:], inside[1:])}"
        if inside.startswith("!subteam^"):
            return f"@{(names or {}).get(inside.removeprefix('!subteam^'), label.lstrip('@') or inside)}"
        if inside.startswith("!"):
            return label or _SPECIAL.get(inside[1:], inside)
        return f"{label} ({inside})" if label else inside

    return _ANGLES.sub(shown, text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _pieces(block: Json, names: Mapping[str, str] | None) -> Iterator[str]:
    text = block.get("text")
    if text:
        yield plain(text, names) if isinstance(text, str) else _text(text, names)
    for field in block.get("fields") or ():
        yield _text(field, names)
    elements = block.get("elements") or ([block["accessory"]] if block.get("accessory") else [])
    if elements:
        yield " ".join(_element(element, names) for element in elements)


def _element(element: Json, names: Mapping[str, str] | None) -> str:
    kind = element.get("type")
    if kind in {"mrkdwn", "plain_text"}:
        return _text(element, names)
    if kind == "image":
        return str(element.get("alt_text", ""))
    if kind == "button":
        return f"[{_text(element.get('text'), names)}]"
    if kind in {"checkboxes", "radio_buttons"}:
        return _choices(element, names)
    chosen = [
        option["text"] for option in (element.get("initial_option"), *_list(element, "initial_options")) if option
    ]
    ids = [element.get("initial_user"), *_list(element, "initial_users")]
    people = [f"@{(names or {}).get(user, user)}" for user in ids if user]
    moment = next((element[key] for key in _MOMENTS if element.get(key) is not None), None)
    if kind == "datetimepicker" and moment is not None:
        moment = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")
    shown = ", ".join([*(_text(text, names) for text in chosen), *people])
    return f"({shown or moment or _text(element.get('placeholder'), names) or element.get('initial_value') or '…'})"


def _choices(element: Json, names: Mapping[str, str] | None) -> str:
    """Return boxes as "[x] One [ ] Two", radio buttons as "(x) One ( ) Two"."""
    start, end = "[]" if element["type"] == "checkboxes" else "()"
    first = [
        option["value"] for option in (element.get("initial_option"), *_list(element, "initial_options")) if option
    ]
    return " ".join(
        f"{start}{'x' if option['value'] in first else ' '}{end} {_text(option['text'], names)}"
        for option in element.get("options") or ()
    )


def _list(element: Json, key: str) -> list[Any]:
    return element.get(key) or []


def _text(thing: Mapping[str, Any] | None, names: Mapping[str, str] | None) -> str:
    if not thing:
        return ""
    text = str(thing.get("text", ""))
    return plain(text, names) if thing.get("type") == "mrkdwn" else text
