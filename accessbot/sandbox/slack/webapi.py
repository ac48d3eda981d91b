"""The front of the Web API: tokens, scopes, faults, the record of calls, and Slack's shape of answers."""

import copy
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from accessbot.sandbox.slack.arguments import Arguments
from accessbot.sandbox.slack.chat_methods import ChatMethods
from accessbot.sandbox.slack.errors import SlackError
from accessbot.sandbox.slack.outages import Outages
from accessbot.sandbox.slack.state import State
from accessbot.sandbox.slack.team_methods import TeamMethods

Json = dict[str, Any]

OK = 200

# What a bot token must carry for a method; those not named here need none (docs.slack.dev/reference/methods).
SCOPES: dict[str, tuple[str, ...]] = {
    "chat.postMessage": ("chat:write",),
    "chat.postEphemeral": ("chat:write",),
    "chat.update": ("chat:write",),
    "chat.delete": ("chat:write",),
    "conversations.open": ("im:write",),
    "conversations.info": ("channels:read",),
    "conversations.members": ("channels:read",),
    "conversations.history": ("channels:history",),
    "users.info": ("users:read",),
    "users.lookupByEmail": ("users:read.email",),
    "usergroups.list": ("usergroups:read",),
    "usergroups.users.list": ("usergroups:read",),
}
_EMAIL_SCOPE = "users:read.email"


@dataclass(frozen=True)
class Call:
    """One call of the Web API as it happened."""

    method: str
    args: Json
    answer: Json

    @property
    def ok(self) -> bool:
        """Tell whether it succeeded."""
        return bool(self.answer.get("ok"))


@dataclass(frozen=True)
class Reply:
    """What goes back over HTTP."""

    body: Json
    status: int = OK
    headers: tuple[tuple[str, str], ...] = ()


class WebApi:
    """Answers Web API calls."""

    def __init__(
        self,
        state: State,
        bot_token: str,
        app_token: str,
        *,
        scopes: Collection[str] | None = None,
        connect: Callable[[], str],
    ) -> None:
        """Take calls with these tokens.

        Args:
            state: the workspace.
            bot_token: for everything but Socket Mode.
            app_token: for `apps.connections.open`.
            scopes: what the bot token was granted; None grants all.
            connect: gives the address of a Socket Mode connection.
        """
        self._state = state
        self._bot_token = bot_token
        self._app_token = app_token
        self._scopes = None if scopes is None else frozenset(scopes)
        self._connect = connect
        self._methods = ChatMethods(state).table | TeamMethods(state).table
        self._lock = threading.Lock()
        self._calls: list[Call] = []
        self.outages = Outages()

    @property
    def calls(self) -> list[Call]:
        """Return all calls so far, oldest first."""
        with self._lock:
            return list(self._calls)

    def call(self, method: str, given: Mapping[str, Any], token: str | None) -> Reply:
        """Answer one call; never raises."""
        failure = self.outages.strike(method)
        if failure is not None:
            headers = (("Retry-After", str(failure.retry_after)),) if failure.retry_after is not None else ()
            return self._record(method, given, Reply({"ok": False, "error": failure.error}, failure.status, headers))
        try:
            body = {"ok": True, **self._answer(method, Arguments(given), token)}
        except SlackError as error:
            body = {"ok": False, "error": error.code}
            if error.messages:
                body["response_metadata"] = {"messages": error.messages}
                body["errors"] = [message.removeprefix("[ERROR] ") for message in error.messages]
            if error.code == "missing_scope":
                body |= {"needed": ",".join(SCOPES[method]), "provided": ",".join(sorted(self._scopes or ()))}
        granted = sorted(self._scopes if self._scopes is not None else {"commands"}.union(*SCOPES.values()))
        return self._record(method, given, Reply(body, headers=(("x-oauth-scopes", ",".join(granted)),)))

    def _answer(self, method: str, args: Arguments, token: str | None) -> Json:
        run = self._methods.get(method)
        if run is None and method != "apps.connections.open":
            raise SlackError("unknown_method")
        if method == "api.test":
            return self._methods[method](args)
        self._authenticate(method, token)
        if run is None:
            return {"url": self._connect()}
        if self._scopes is not None and not set(SCOPES.get(method, ())) <= self._scopes:
            raise SlackError("missing_scope")
        with self._state.lock:
            answer = copy.deepcopy(run(args))
        return self._without_email(answer)

    def _authenticate(self, method: str, token: str | None) -> None:
        if not token:
            raise SlackError("not_authed")
        if token not in {self._bot_token, self._app_token}:
            raise SlackError("invalid_auth")
        if (token == self._app_token) != (method == "apps.connections.open"):
            raise SlackError("not_allowed_token_type")

    def _without_email(self, answer: Json) -> Json:
        """Leave the email out of a profile when the token may not read it, as Slack silently does."""
        if self._scopes is not None and _EMAIL_SCOPE not in self._scopes and "user" in answer:
            profile = answer["user"].get("profile") if isinstance(answer["user"], dict) else None
            if profile:
                profile.pop("email", None)
        return answer

    def _record(self, method: str, given: Mapping[str, Any], reply: Reply) -> Reply:
        args = {name: value for name, value in given.items() if name != "token"}
        with self._lock:
            self._calls.append(Call(method, args, reply.body))
        return reply
