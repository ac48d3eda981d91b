"""The refusals of the Slack stand-in."""

from collections.abc import Sequence


class SlackError(Exception):
    """A Web API method refuses: answered as `{"ok": false, "error": code}`, like Slack does."""

    def __init__(self, code: str, messages: Sequence[str] = ()) -> None:
        """Keep Slack's error code and, for rejected blocks, the findings of `response_metadata.messages`."""
        super().__init__(f"{code}: {'; '.join(messages)}" if messages else code)
        self.code = code
        self.messages = list(messages)


class Refused(Exception):
    """Somebody tried what the Slack client does not allow; one sentence for that person."""

    status = 400


class UnknownThing(Refused):
    """A person, channel, message, form or control that is not there (or not for this person)."""

    status = 404


class DeliveryFailed(Refused):
    """The app did not take a delivery: late, unreachable, or an answer Slack does not accept."""

    status = 424

    def __init__(self, sentence: str, app_status: int | None = None) -> None:
        """Keep the sentence the Slack client shows and the HTTP status the app answered with, if any."""
        super().__init__(sentence)
        self.app_status = app_status
