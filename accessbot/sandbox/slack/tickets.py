"""What Slack hands out for a while: trigger ids and response URLs."""

import secrets
from dataclasses import dataclass

from accessbot.sandbox.slack.errors import SlackError
from accessbot.sandbox.slack.pulse import Pulse

TRIGGER_SECONDS = 3.0
RESPONSE_SECONDS = 30 * 60.0
RESPONSE_USES = 5


@dataclass
class Trigger:
    """Permission to open one form for one person, within seconds."""

    user: str
    view_id: str | None
    expires_at: float
    used: bool = False


@dataclass
class ResponseUrl:
    """Permission to answer in the place of an interaction: five times in thirty minutes."""

    channel: str
    user: str
    message_ts: str | None
    expires_at: float
    uses_left: int = RESPONSE_USES


class Tickets:
    """All triggers and response URLs of a workspace."""

    def __init__(self, pulse: Pulse, trigger_seconds: float = TRIGGER_SECONDS) -> None:
        """Start with none; `trigger_seconds` is how long a trigger lives (Slack: 3)."""
        self._pulse = pulse
        self._trigger_seconds = trigger_seconds
        self._triggers: dict[str, Trigger] = {}
        self._responses: dict[str, ResponseUrl] = {}

    def trigger(self, user: str, view_id: str | None = None) -> str:
        """Issue a trigger id for a person, in the view the person acted in if there is one."""
        name = f"{secrets.randbelow(10**13)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        with self._pulse.lock:
            self._triggers[name] = Trigger(user, view_id, self._pulse.now() + self._trigger_seconds)
        return name

    def exchange(self, name: str) -> Trigger:
        """Use a trigger up.

        Raises:
            SlackError: `invalid_trigger_id`, `exchanged_trigger_id` or `expired_trigger_id`.
        """
        with self._pulse.lock:
            trigger = self._triggers.get(name)
            if trigger is None:
                raise SlackError("invalid_trigger_id")
            if trigger.used:
                raise SlackError("exchanged_trigger_id")
            if self._pulse.now() > trigger.expires_at:
                raise SlackError("expired_trigger_id")
            trigger.used = True
            return trigger

    def response(self, channel: str, user: str, message_ts: str | None = None) -> str:
        """Issue the token of a response URL for an interaction in a channel, with a message if there was one."""
        token = f"{secrets.randbelow(10**13)}/{secrets.token_urlsafe(18)}"
        with self._pulse.lock:
            self._responses[token] = ResponseUrl(channel, user, message_ts, self._pulse.now() + RESPONSE_SECONDS)
        return token

    def peek(self, token: str) -> ResponseUrl:
        """Return a usable response URL.

        Raises:
            SlackError: `invalid_url`, `expired_url` or `used_url`.
        """
        with self._pulse.lock:
            url = self._responses.get(token)
            if url is None:
                raise SlackError("invalid_url")
            if self._pulse.now() > url.expires_at:
                raise SlackError("expired_url")
            if url.uses_left < 1:
                raise SlackError("used_url")
            return url

    def spend(self, url: ResponseUrl) -> None:
        """Count one use of a response URL."""
        with self._pulse.lock:
            url.uses_left -= 1
