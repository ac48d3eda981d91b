"""The few pieces of Block Kit that accessbot uses, as functions that return plain JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from accessbot.slack.text import SECTION_LIMIT, elide

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = dict[str, Any]

BUTTON_TEXT_LIMIT = 75


class Message(NamedTuple):
    """What is sent: the fallback text for notifications and readers of plain text, and the blocks."""

    text: str
    blocks: list[Json]


def plain(text: str) -> Json:
    """Give a text object without any formatting."""
    return {"type": "plain_text", "text": text, "emoji": True}


def mrkdwn(text: str) -> Json:
    """Give a formatted text object in which Slack looks for no links or names of its own accord."""
    return {"type": "mrkdwn", "text": elide(text, SECTION_LIMIT), "verbatim": True}


def section(text: str, block_id: str = "", accessory: Json | None = None) -> Json:
    """Give a paragraph."""
    block: Json = {"type": "section", "text": mrkdwn(text)}
    if block_id:
        block["block_id"] = block_id
    if accessory is not None:
        block["accessory"] = accessory
    return block


def context(text: str) -> Json:
    """Give a line of small print."""
    return {"type": "context", "elements": [mrkdwn(text)]}


def header(text: str) -> Json:
    """Give a heading."""
    return {"type": "header", "text": plain(elide(text, 150))}


def actions(elements: Sequence[Json], block_id: str = "") -> Json:
    """Give a row of buttons."""
    block: Json = {"type": "actions", "elements": list(elements)}
    if block_id:
        block["block_id"] = block_id
    return block


def button(
    label: str, action_id: str, value: str, *, style: str = "", spoken_as: str = "", confirm: Json | None = None
) -> Json:
    """Give a button; `value` is the id of what it acts on and nothing else, `spoken_as` is what screen readers say."""
    element: Json = {"type": "button", "action_id": action_id, "text": plain(label), "value": value}
    if spoken_as:
        element["accessibility_label"] = elide(spoken_as, BUTTON_TEXT_LIMIT)
    if style:
        element["style"] = style
    if confirm is not None:
        element["confirm"] = confirm
    return element


def link_button(label: str, action_id: str, url: str, *, style: str = "") -> Json:
    """Give a button that opens an address in the browser."""
    element: Json = {"type": "button", "action_id": action_id, "text": plain(label), "url": url}
    if style:
        element["style"] = style
    return element


def confirm(title: str, text: str, yes: str, no: str, *, style: str = "danger") -> Json:
    """Give the question that is asked before a button counts."""
    return {
        "title": plain(title),
        "text": plain(elide(text, 300)),
        "confirm": plain(yes),
        "deny": plain(no),
        "style": style,
    }


def option(text: str, value: str, description: str = "") -> Json:
    """Give one choice of a select, its texts cut to Slack's limit."""
    choice: Json = {"text": plain(elide(text, BUTTON_TEXT_LIMIT)), "value": value}
    if description:
        choice["description"] = plain(elide(description, BUTTON_TEXT_LIMIT))
    return choice


def field(
    label: str, block_id: str, element: Json, *, hint: str = "", dispatches: bool = False, optional: bool = False
) -> Json:
    """Give a labelled input, which has to be filled in unless it is optional."""
    block: Json = {"type": "input", "block_id": block_id, "label": plain(label), "element": element}
    if hint:
        block["hint"] = plain(hint)
    if dispatches:
        block["dispatch_action"] = True
    if optional:
        block["optional"] = True
    return block


def modal(title: str, callback_id: str, submit: str, blocks: list[Json], metadata: str) -> Json:
    """Give a form."""
    return {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain(title),
        "submit": plain(submit),
        "close": plain("Cancel"),
        "private_metadata": metadata,
        "blocks": blocks,
    }
