"""Slack's rules for whole messages, views and answers to a type-ahead, refused with Slack's own error codes."""

import copy
import json
import secrets
from collections.abc import Iterator
from typing import Any

from accessbot.sandbox.slack.elements import (
    ACTIONS,
    CONTEXT,
    INPUT,
    MAX_ALT_TEXT,
    SECTION,
    check_choices,
    check_element,
)
from accessbot.sandbox.slack.errors import SlackError
from accessbot.sandbox.slack.findings import MAX_ID, MAX_URL, Findings

Json = dict[str, Any]

MAX_BLOCKS_IN_MESSAGE = 50
MAX_BLOCKS_IN_VIEW = 100
MAX_MESSAGE_TEXT = 40_000
MAX_TEXT_IN_BLOCKS = 12_000  # all texts of one posted message together; not in the reference, told by Slack's support
MAX_SECTION_TEXT = 3000
MAX_FIELDS = 10
MAX_FIELD_TEXT = 2000
MAX_HEADER = 150
MAX_CONTEXT_ELEMENTS = 10
MAX_ACTIONS_ELEMENTS = 25
MAX_LABEL = 2000
MAX_VIEW_TITLE = 24
MAX_PRIVATE_METADATA = 3000
MAX_VIEW_BYTES = 250 * 1024

_HOME_KEYS = ("type", "blocks", "private_metadata", "callback_id", "external_id")
_MODAL_KEYS = (*_HOME_KEYS, "title", "close", "submit", "clear_on_close", "notify_on_close", "submit_disabled")


def check_message(text: str, blocks: list[Json], *, posted: bool = True) -> list[Json]:
    """Check what a message shows and return its blocks with the ids Slack would add.

    Args:
        text: the message's text; the fallback when there are blocks.
        blocks: Block Kit blocks, empty for a text message.
        posted: through a Web API method, where the sum of all texts is limited too.

    Raises:
        SlackError: `no_text`, `msg_too_long`, `msg_blocks_too_long` or `invalid_blocks` with the findings.
    """
    if not blocks and not text.strip():
        raise SlackError("no_text")
    if len(text) > MAX_MESSAGE_TEXT:
        raise SlackError("msg_too_long")
    found = Findings()
    found.count(blocks, "/blocks", MAX_BLOCKS_IN_MESSAGE, 0)
    _check_blocks(found, blocks, "/blocks", in_message=True)
    if found.messages:
        raise SlackError("invalid_blocks", found.messages)
    if posted and sum(len(piece) for piece in texts_in(blocks)) > MAX_TEXT_IN_BLOCKS:
        raise SlackError("msg_blocks_too_long")
    return with_ids(blocks)


def check_view(view: object, surface: str = "modal") -> Json:
    """Check a view ("modal" or "home") and return it with the ids Slack would add to its blocks.

    Raises:
        SlackError: `invalid_arguments` with the findings, or `view_too_large`.
    """
    found = Findings()
    if not isinstance(view, dict):
        raise SlackError("invalid_arguments", ["[ERROR] must provide an object [json-pointer:/view]"])
    if len(json.dumps(view).encode()) > MAX_VIEW_BYTES:
        raise SlackError("view_too_large")
    if view.get("type") != surface:
        found.add(f"unsupported type: {view.get('type')}", "/view/type")
    required = ("title", "blocks") if surface == "modal" else ("blocks",)
    found.keys(view, _MODAL_KEYS if surface == "modal" else _HOME_KEYS, "/view", required)
    for key in ("title", "submit", "close"):
        found.optional_text(view, key, "/view", MAX_VIEW_TITLE)
    found.optional_string(view, "private_metadata", "/view", MAX_PRIVATE_METADATA, 0)
    for key in ("callback_id", "external_id"):
        found.optional_string(view, key, "/view", MAX_ID, 0)
    for key in ("clear_on_close", "notify_on_close", "submit_disabled"):
        found.flag(view, key, "/view")
    _check_view_blocks(found, view, surface)
    if found.messages:
        raise SlackError("invalid_arguments", found.messages)
    return {**view, "blocks": with_ids(view["blocks"])}


def check_suggestions(answer: object) -> Json:
    """Check the answer to a type-ahead: `options` or `option_groups`, at most 100 of each; may be empty.

    Raises:
        SlackError: `invalid_options` with the findings.
    """
    if not isinstance(answer, dict):
        raise SlackError("invalid_options", ["[ERROR] must provide an object [json-pointer:/]"])
    found = Findings()
    check_choices(found, answer, "", least=0)
    if found.messages:
        raise SlackError("invalid_options", found.messages)
    key = "options" if answer.get("options") is not None else "option_groups"
    return {key: answer[key]}


def elements_in(blocks: list[Json]) -> Iterator[Json]:
    """Go through the elements of all blocks: accessories, inputs, and those of actions."""
    for block in blocks:
        for key in ("accessory", "element"):
            if isinstance(block.get(key), dict):
                yield block[key]
        if _kind(block) == ACTIONS:
            elements = block.get("elements")
            yield from (each for each in elements if isinstance(each, dict)) if isinstance(elements, list) else ()


def texts_in(thing: object) -> Iterator[str]:
    """Go through every text a reader sees in a piece of Block Kit, unopened menus aside."""
    if isinstance(thing, dict):
        for key, value in thing.items():
            if key == "text" and isinstance(value, str):
                yield value
            elif key not in {"options", "option_groups"}:
                yield from texts_in(value)
    elif isinstance(thing, list):
        for item in thing:
            yield from texts_in(item)


def with_ids(blocks: list[Json]) -> list[Json]:
    """Copy blocks, giving each a block_id and each control an action_id where it has none, as Slack does."""
    filled = copy.deepcopy(blocks)
    for block in filled:
        block.setdefault("block_id", secrets.token_urlsafe(4))
    for element in elements_in(filled):
        if element.get("type") != "image":
            element.setdefault("action_id", secrets.token_urlsafe(4))
    return filled


def _kind(block: object) -> str | None:
    kind = block.get("type") if isinstance(block, dict) else None
    return kind if isinstance(kind, str) else None


def _check_blocks(found: Findings, blocks: list[Any], at: str, *, in_message: bool) -> None:
    """Check each block, and that no block_id and, within a block, no action_id is used twice."""
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        where = f"{at}/{index}"
        if not found.is_object(block, where):
            continue
        check = _BLOCKS.get(_kind(block) or "")
        if check is None or (_kind(block) == "markdown" and not in_message):
            found.add(f"unsupported type: {block.get('type')}", f"{where}/type")
            continue
        found.optional_string(block, "block_id", where, MAX_ID)
        block_id = block.get("block_id")
        if isinstance(block_id, str):
            if block_id in seen:
                found.add(f"`block_id` {block_id} already exists for another block", f"{where}/block_id")
            seen.add(block_id)
        check(found, block, where)


def _check_view_blocks(found: Findings, view: Json, surface: str) -> None:
    """Check a view's blocks, that a form can be submitted, and that at most one control takes the focus."""
    blocks = view.get("blocks")
    if blocks is None or not found.count(blocks, "/view/blocks", MAX_BLOCKS_IN_VIEW, 0):
        return
    _check_blocks(found, blocks, "/view/blocks", in_message=False)
    if surface == "modal" and view.get("submit") is None and any(_kind(block) == INPUT for block in blocks):
        found.add("missing required field: submit", "/view")
    whole = [block for block in blocks if isinstance(block, dict)]
    if sum(bool(element.get("focus_on_load")) for element in elements_in(whole)) > 1:
        found.add("only one element may have `focus_on_load`", "/view/blocks")


def _section(found: Findings, block: Json, at: str) -> None:
    found.keys(block, ("type", "block_id", "text", "fields", "accessory", "expand"), at)
    if block.get("text") is None and block.get("fields") is None:
        found.add("must define either `text` or `fields`", at)
    if block.get("text") is not None:
        found.text(block["text"], f"{at}/text", MAX_SECTION_TEXT)
    if block.get("fields") is not None and found.count(block["fields"], f"{at}/fields", MAX_FIELDS):
        for index, text in enumerate(block["fields"]):
            found.text(text, f"{at}/fields/{index}", MAX_FIELD_TEXT)
    if block.get("accessory") is not None:
        check_element(found, block["accessory"], f"{at}/accessory", SECTION)


def _header(found: Findings, block: Json, at: str) -> None:
    found.keys(block, ("type", "block_id", "text", "level"), at, ("text",))
    found.optional_text(block, "text", at, MAX_HEADER)


def _divider(found: Findings, block: Json, at: str) -> None:
    found.keys(block, ("type", "block_id"), at)


def _context(found: Findings, block: Json, at: str) -> None:
    found.keys(block, ("type", "block_id", "elements"), at, ("elements",))
    if block.get("elements") is None or not found.count(block["elements"], f"{at}/elements", MAX_CONTEXT_ELEMENTS):
        return
    for index, element in enumerate(block["elements"]):
        if _kind(element) == "image":
            check_element(found, element, f"{at}/elements/{index}", CONTEXT)
        else:
            found.text(element, f"{at}/elements/{index}", MAX_SECTION_TEXT)


def _actions(found: Findings, block: Json, at: str) -> None:
    found.keys(block, ("type", "block_id", "elements"), at, ("elements",))
    if block.get("elements") is None or not found.count(block["elements"], f"{at}/elements", MAX_ACTIONS_ELEMENTS):
        return
    seen: set[str] = set()
    for index, element in enumerate(block["elements"]):
        check_element(found, element, f"{at}/elements/{index}", ACTIONS)
        action_id = element.get("action_id") if isinstance(element, dict) else None
        if isinstance(action_id, str):
            if action_id in seen:
                found.add(f"`action_id` {action_id} already exists in this block", f"{at}/elements/{index}/action_id")
            seen.add(action_id)


def _input(found: Findings, block: Json, at: str) -> None:
    keys = ("type", "block_id", "label", "element", "hint", "optional", "dispatch_action")
    found.keys(block, keys, at, ("label", "element"))
    found.optional_text(block, "label", at, MAX_LABEL)
    found.optional_text(block, "hint", at, MAX_LABEL)
    for key in ("optional", "dispatch_action"):
        found.flag(block, key, at)
    if block.get("element") is not None:
        check_element(found, block["element"], f"{at}/element", INPUT)


def _image(found: Findings, block: Json, at: str) -> None:
    found.keys(block, ("type", "block_id", "image_url", "alt_text", "title"), at, ("image_url", "alt_text"))
    found.optional_string(block, "image_url", at, MAX_URL)
    found.optional_string(block, "alt_text", at, MAX_ALT_TEXT)
    found.optional_text(block, "title", at, MAX_ALT_TEXT)


def _markdown(found: Findings, block: Json, at: str) -> None:
    found.keys(block, ("type", "block_id", "text"), at, ("text",))
    found.optional_string(block, "text", at, MAX_TEXT_IN_BLOCKS)


_BLOCKS = {
    "section": _section,
    "header": _header,
    "divider": _divider,
    "context": _context,
    "actions": _actions,
    "input": _input,
    "image": _image,
    "markdown": _markdown,
}
