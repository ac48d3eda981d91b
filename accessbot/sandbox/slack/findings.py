"""Collecting what is wrong with a Block Kit payload, and the checks for its smallest parts.

Every number here and in `elements` and `limits` is from Slack's Block Kit reference
(docs.slack.dev/reference/block-kit).
"""

from collections.abc import Collection, Mapping
from typing import Any

MAX_ID = 255
MAX_URL = 3000
MAX_OPTION_TEXT = 75
MAX_OPTION_VALUE = 150
MAX_CONFIRM_TITLE = 100
MAX_CONFIRM_TEXT = 300
MAX_CONFIRM_BUTTON = 30


class Findings:
    """The faults of one payload, worded and located as Slack does in `response_metadata.messages`."""

    def __init__(self) -> None:
        """Start with nothing found."""
        self.messages: list[str] = []

    def add(self, text: str, at: str) -> None:
        """Note a fault at a JSON pointer."""
        self.messages.append(f"[ERROR] {text} [json-pointer:{at}]")

    def is_object(self, thing: object, at: str) -> bool:
        """Check for a JSON object."""
        if isinstance(thing, dict):
            return True
        self.add("must provide an object", at)
        return False

    def keys(self, thing: Mapping[str, Any], allowed: Collection[str], at: str, required: Collection[str] = ()) -> None:
        """Check that there are no unknown fields and that the required ones are there."""
        for key in thing:
            if key not in allowed:
                self.add(f"invalid additional property: {key}", at)
        for key in required:
            if thing.get(key) is None:
                self.add(f"missing required field: {key}", at)

    def string(self, thing: object, at: str, most: int, least: int = 1) -> None:
        """Check a plain JSON string's length."""
        if not isinstance(thing, str):
            self.add("must be a string", at)
        elif len(thing) > most:
            self.add(f"must be less than {most + 1} characters", at)
        elif len(thing) < least:
            self.add(f"must be more than {least - 1} characters", at)

    def optional_string(self, thing: Mapping[str, Any], key: str, at: str, most: int, least: int = 1) -> None:
        """Check a field's length if it is there."""
        if thing.get(key) is not None:
            self.string(thing[key], f"{at}/{key}", most, least)

    def flag(self, thing: Mapping[str, Any], key: str, at: str) -> None:
        """Check that a field, if there, is true or false."""
        if key in thing and not isinstance(thing[key], bool):
            self.add("must be a boolean", f"{at}/{key}")

    def count(self, thing: object, at: str, most: int, least: int = 1) -> bool:
        """Check for a list within its bounds; false when its items cannot be looked at."""
        if not isinstance(thing, list):
            self.add("must be an array", at)
            return False
        if len(thing) > most:
            self.add(f"no more than {most} items allowed", at)
        if len(thing) < least:
            self.add(f"must have at least {least} item{'s' if least > 1 else ''}", at)
        return True

    def text(self, thing: object, at: str, most: int, *, plain: bool = False) -> None:
        """Check a text object: its type, that it is not empty, its length."""
        if not isinstance(thing, dict):
            self.add("must provide an object", at)
            return
        kind = thing.get("type")
        if kind == "plain_text":
            self.keys(thing, ("type", "text", "emoji"), at, ("text",))
            self.flag(thing, "emoji", at)
        elif kind == "mrkdwn" and not plain:
            self.keys(thing, ("type", "text", "verbatim"), at, ("text",))
            self.flag(thing, "verbatim", at)
        else:
            self.add("must be a plain_text object" if plain else f"unsupported type: {kind}", f"{at}/type")
        if thing.get("text") is not None:
            self.string(thing["text"], f"{at}/text", most)

    def optional_text(self, thing: Mapping[str, Any], key: str, at: str, most: int) -> None:
        """Check a plain_text field if it is there."""
        if thing.get(key) is not None:
            self.text(thing[key], f"{at}/{key}", most, plain=True)


def check_option(found: Findings, option: object, at: str, *, plain: bool = True) -> None:
    """Check one option object."""
    if not isinstance(option, dict):
        found.add("must provide an object", at)
        return
    found.keys(option, ("text", "value", "description", "url"), at, ("text", "value"))
    if option.get("text") is not None:
        found.text(option["text"], f"{at}/text", MAX_OPTION_TEXT, plain=plain)
    found.optional_string(option, "value", at, MAX_OPTION_VALUE)
    if option.get("description") is not None:
        found.text(option["description"], f"{at}/description", MAX_OPTION_TEXT, plain=plain)
    found.optional_string(option, "url", at, MAX_URL)


def check_confirm(found: Findings, confirm: object, at: str) -> None:
    """Check a confirmation dialog object."""
    if not isinstance(confirm, dict):
        found.add("must provide an object", at)
        return
    wanted = ("title", "text", "confirm", "deny")
    found.keys(confirm, (*wanted, "style"), at, wanted)
    found.optional_text(confirm, "title", at, MAX_CONFIRM_TITLE)
    if confirm.get("text") is not None:
        found.text(confirm["text"], f"{at}/text", MAX_CONFIRM_TEXT)
    found.optional_text(confirm, "confirm", at, MAX_CONFIRM_BUTTON)
    found.optional_text(confirm, "deny", at, MAX_CONFIRM_BUTTON)
    check_style(found, confirm, at)


def check_style(found: Findings, thing: Mapping[str, Any], at: str) -> None:
    """Check the colour of a button or a confirmation."""
    if thing.get("style") not in (None, "primary", "danger"):
        found.add(f"invalid style: {thing['style']}", f"{at}/style")
