"""What Slack's errors mean, in one table: retry later, an operator must act, or never again for this call."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING

from slack_sdk.errors import SlackApiError, SlackClientError

from accessbot.domain.errors import Missing, NotAuthorised, Rejected, Unavailable, VendorError

if TYPE_CHECKING:
    from collections.abc import Iterator

VENDOR = "Slack"

TRANSIENT = frozenset(
    {
        "ratelimited",
        "rate_limited",
        "message_limit_exceeded",
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "team_added_to_org",
        "accesslimited",
    }
)
"""Codes after which the same call may succeed later."""

OPERATOR = {
    "not_authed": "Slack got no token; set SLACK_BOT_TOKEN.",
    "invalid_auth": "Slack does not accept the bot token; set SLACK_BOT_TOKEN to the one of the installed app.",
    "account_inactive": "The app was removed from the workspace; install it again and set SLACK_BOT_TOKEN.",
    "token_revoked": "The bot token was revoked; install the app again and set SLACK_BOT_TOKEN.",
    "token_expired": "The bot token has expired; install the app again and set SLACK_BOT_TOKEN.",
    "no_permission": "The bot token lacks a permission; install the app again from manifest.yml.",
    "missing_scope": "The bot token lacks a scope; install the app again from manifest.yml.",
    "not_allowed_token_type": "SLACK_BOT_TOKEN has to be a bot token (xoxb-…).",
    "ekm_access_denied": "Slack's key management suspended the app's access; ask the workspace's administrators.",
    "org_login_required": "The workspace is moving to an organisation; install the app again there.",
    "access_denied": "Slack denies the app access to this; ask the workspace's administrators.",
    "team_access_not_granted": "The app is not installed in this workspace; install it from manifest.yml.",
    "channel_not_found": "Slack does not show accessbot that channel; check the id and invite accessbot to it.",
    "not_in_channel": "accessbot is not in the channel; invite it there with /invite.",
    "is_archived": "The channel is archived; unarchive it or set another one.",
    "restricted_action": "The workspace's settings do not let accessbot post there; ask its administrators.",
    "restricted_action_read_only_channel": "The channel is read-only for accessbot; let it post there.",
    "posting_to_general_channel_denied": "accessbot may not post to the general channel; set another one.",
    "messages_tab_disabled": "The app's Messages tab is off, so nobody can be told; turn it on as in manifest.yml.",
    "usergroup_not_found": "Slack does not know that user group; correct its id in the catalog.",
    "no_such_subteam": "Slack does not know that user group; correct its id in the catalog.",
    "subteam_max_users_exceeded": "Slack cannot list that user group; name another one in the catalog.",
    "plan_upgrade_required": "User groups need a paid Slack plan; use Google groups in the catalog.",
}
"""Codes that an operator has to put right, each with what to do."""

GONE_MESSAGE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
"""Codes that say that a message can no longer be changed: it is posted anew."""

GONE_CHANNEL = frozenset({"channel_not_found", "not_in_channel", "is_archived"})
"""Codes that say that a whole channel can no longer be written to: after a move to another one, it is posted there."""

UNKNOWN_METHOD = "unknown_method"


def code_of(error: BaseException) -> str:
    """Give Slack's own error code, "" if it gave none."""
    if isinstance(error, SlackApiError):
        answer = error.response
        code = (
            answer.get("error") if hasattr(answer, "get") and not isinstance(getattr(answer, "data", {}), bytes) else ""
        )
        return str(code or "")
    return ""


def classify(operation: str, error: Exception) -> VendorError:
    """Turn what the client raised into a named error; what is not known is retried, never taken for an answer."""
    code, status, retry_after = code_of(error), 0, None
    if isinstance(error, SlackApiError):
        status = int(getattr(error.response, "status_code", 0) or 0)
        retry_after = _retry_after(error)
    if code in TRANSIENT or status == HTTPStatus.TOO_MANY_REQUESTS:
        sentence = "Slack asks to slow down." if retry_after or "limit" in code else "Slack has trouble at the moment."
        return Unavailable(VENDOR, operation, sentence, code=code or str(status), retry_after=retry_after)
    if code in OPERATOR:
        return NotAuthorised(VENDOR, operation, OPERATOR[code], code=code)
    if code in ("user_not_found", "users_not_found", "user_not_visible"):
        return Missing(VENDOR, operation, "Slack does not know that person.", what="user", code=code)
    if code:
        return Rejected(VENDOR, operation, f"Slack refused {operation} with “{code}”.", code=code)
    return Unavailable(VENDOR, operation, "Slack does not answer as it should at the moment.", code=str(status or ""))


@contextmanager
def naming(operation: str) -> Iterator[None]:
    """Let only named errors leave a call to Slack."""
    try:
        yield
    except (SlackClientError, OSError, HTTPException, ValueError) as error:
        raise classify(operation, error) from error


def _retry_after(error: SlackApiError) -> timedelta | None:
    headers = getattr(error.response, "headers", None) or {}
    for name, value in headers.items():
        if str(name).casefold() == "retry-after":
            try:
                return timedelta(seconds=float(value[0] if isinstance(value, list) else value))
            except (TypeError, ValueError):
                return None
    return None
