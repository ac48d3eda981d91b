"""Where an answer to one person goes, small enough to travel in a form's metadata and in a record."""

from __future__ import annotations

import json
from dataclasses import dataclass

_ANSWER_TO_LIMIT = 1500


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer to one person goes: the channel they were in, and the address Slack gave for answers."""

    channel: str = ""
    response_url: str = ""
    thread: str = ""

    def pack(self, **more: str) -> str:
        """Write it for `answer_to` and a form's metadata, never longer than 1,500 characters."""
        whole = {"c": self.channel, "r": self.response_url, "t": self.thread, **more}
        packed = json.dumps({key: value for key, value in whole.items() if value}, separators=(",", ":"))
        if len(packed) <= _ANSWER_TO_LIMIT or not self.response_url:
            return packed
        return Place(self.channel, "", self.thread).pack(**more)

    @classmethod
    def unpack(cls, packed: str) -> tuple[Place, dict[str, str]]:
        """Read it back, with what else was packed; anything unreadable is the empty place."""
        try:
            whole = json.loads(packed or "{}")
        except ValueError:
            whole = {}
        if not isinstance(whole, dict):
            whole = {}
        texts = {str(key): value for key, value in whole.items() if isinstance(value, str)}
        place = cls(texts.pop("c", ""), texts.pop("r", ""), texts.pop("t", ""))
        return place, texts
