"""The arguments of a Web API call, sent as a form, as JSON or in the query."""

import json
from collections.abc import Mapping
from typing import Any

from accessbot.sandbox.slack.errors import SlackError

Json = dict[str, Any]


class Arguments:
    """Typed access to the arguments of one call; what is missing or misshaped is refused as Slack refuses it."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        """Wrap what was sent."""
        self.given: Json = dict(given)

    def text(self, name: str, default: str = "") -> str:
        """Return an optional text."""
        value = self.given.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise SlackError("invalid_arguments", [f"[ERROR] must be a string [json-pointer:/{name}]"])
        return value

    def required(self, name: str, code: str = "invalid_arguments") -> str:
        """Return a text that must be there.

        Raises:
            SlackError: with `code`.
        """
        value = self.text(name)
        if not value:
            raise SlackError(code, [f"[ERROR] missing required field: {name} [json-pointer:/]"])
        return value

    def flag(self, name: str) -> bool:
        """Return an optional boolean."""
        return self.given.get(name) in (True, "true", "True", "1", 1)

    def number(self, name: str, default: int) -> int:
        """Return an optional number."""
        try:
            return int(self.given.get(name) or default)
        except (TypeError, ValueError) as error:
            raise SlackError("invalid_arguments", [f"[ERROR] must be a number [json-pointer:/{name}]"]) from error

    def blocks(self) -> list[Json]:
        """Return the blocks, an empty list when there are none.

        Raises:
            SlackError: `invalid_blocks_format`.
        """
        value = self._parsed("blocks", "invalid_blocks_format")
        if value is None:
            return []
        if not isinstance(value, list):
            raise SlackError("invalid_blocks_format")
        return value

    def view(self) -> object:
        """Return the view that must be there.

        Raises:
            SlackError: `invalid_arguments`.
        """
        value = self._parsed("view", "invalid_arguments")
        if value is None:
            raise SlackError("invalid_arguments", ["[ERROR] missing required field: view [json-pointer:/]"])
        return value

    def _parsed(self, name: str, code: str) -> object:
        value: object = self.given.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            parsed: object = json.loads(value)
        except json.JSONDecodeError as error:
            raise SlackError(code) from error
        return parsed
