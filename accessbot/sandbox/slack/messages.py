"""Messages an app answers with instead of posting them: as the body of an acknowledgement, or to a response URL."""

import json
from typing import Any

from accessbot.sandbox.slack.errors import SlackError
from accessbot.sandbox.slack.limits import check_message
from accessbot.sandbox.slack.state import Message, State
from accessbot.sandbox.slack.tickets import ResponseUrl

Json = dict[str, Any]


def answer_command(state: State, channel: str, user: str, body: str) -> list[Message]:
    """Show what a command was acknowledged with: nothing, a text, or a message object.

    Raises:
        SlackError: the message breaks a limit.
    """
    content = _content(body)
    if content is None:
        return []
    return [_show(state, channel, user, content)]


def answer_url(state: State, token: str, content: Json) -> None:
    """Take what was sent to a response URL: a new message, a replacement, or a deletion.

    Raises:
        SlackError: the URL is unknown, too old or used up, or the message breaks a limit.
    """
    with state.lock:
        url = state.tickets.peek(token)
        original = state.find(url.channel, url.message_ts) if url.message_ts else None
        if content.get("delete_original"):
            if original is not None:
                state.remove(original)
        elif content.get("replace_original") and original is not None:
            text, blocks = _parts(content)
            state.change(original, text, check_message(text, blocks, posted=False))
        else:
            _show(state, url.channel, url.user, content, _thread(state, url, content))
        state.tickets.spend(url)


def _content(body: str) -> Json | None:
    if not body.strip():
        return None
    try:
        content = json.loads(body)
    except json.JSONDecodeError:
        return {"text": body}
    if not isinstance(content, dict):
        return {"text": body}
    return content or None


def _parts(content: Json) -> tuple[str, list[Json]]:
    text, blocks = content.get("text") or "", content.get("blocks") or []
    if not isinstance(text, str) or not isinstance(blocks, list):
        raise SlackError("invalid_payload")
    return text, blocks


def _thread(state: State, url: ResponseUrl, content: Json) -> str | None:
    thread = content.get("thread_ts")
    return thread if isinstance(thread, str) and state.find(url.channel, thread) else None


def _show(state: State, channel: str, user: str, content: Json, thread_ts: str | None = None) -> Message:
    text, blocks = _parts(content)
    kind = content.get("response_type", "ephemeral")
    if kind not in {"ephemeral", "in_channel"}:
        raise SlackError("invalid_response_type")
    message = state.new_message(channel, state.bot.id, text, check_message(text, blocks, posted=False))
    message.only_for = user if kind == "ephemeral" else None
    message.thread_ts = thread_ts
    return state.post(message)
