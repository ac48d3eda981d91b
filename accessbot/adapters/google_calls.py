"""One Google API's calls: each sent once, in its time, through the gate, by this thread's own connection.

Retries belong to whoever calls. A transport belongs to one thread: with a shared one, a thread can get another
thread's answer, which for a membership check would be a hole.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import google_auth_httplib2
from googleapiclient.discovery import build

from accessbot.adapters.deadlines import within
from accessbot.adapters.endpoints import UnsafeEndpoint, is_loopback
from accessbot.adapters.google_answers import FAILURES, Ask, Outcome, Verdict, malformed
from accessbot.adapters.google_auth import CredentialsFactory
from accessbot.adapters.google_transport import Transport
from accessbot.domain.errors import VendorError

if TYPE_CHECKING:
    from accessbot.ports import Gate

Json = dict[str, Any]
Judge = Callable[[Ask, Exception], Verdict]
Namer = Callable[[Ask, Verdict], VendorError]

FINE = frozenset({Outcome.DONE, Outcome.ABSENT, Outcome.OTHER_DOMAIN})
"""What an error answer may mean that is no error for its caller."""


class GoogleCalls:
    """A client of one API (`name` and `version` of its discovery document) at `root`; safe to share over threads.

    `timeout` bounds each call: nothing is sent once it is over. Each scope has credentials of its own, so that a
    missing scope turns off what needs it, and nothing else. `gate` stands before every call. `judge` says what an error
    answer means, `named` makes the error of what is one.
    """

    def __init__(
        self,
        name: str,
        version: str,
        *,
        root: str,
        credentials: CredentialsFactory,
        timeout: timedelta,
        gate: Gate | None,
        judge: Judge,
        named: Namer,
    ) -> None:
        self._name, self._version, self._root = name, version, root
        self._make_credentials = credentials
        self._timeout = timeout
        self._gate = gate
        self._judge, self._named = judge, named
        self._lock = threading.Lock()
        self._service: Any = None
        self._credentials: dict[str, Any] = {}
        self._local = threading.local()

    def warm(self, *scopes: str) -> None:
        """Build all that the first call would build, without a call. Raises what making the credentials raises."""
        self.api()
        for scope in scopes:
            self._http(scope)

    def api(self) -> Any:  # noqa: ANN401 - googleapiclient has no types
        """Give the request builder, which holds no connection and may be shared."""
        with self._lock:
            if self._service is None:
                self._service = build(
                    self._name,
                    self._version,
                    http=Transport(),
                    static_discovery=True,
                    cache_discovery=False,
                    client_options={"api_endpoint": self._root},
                )
            return self._service

    def read(self, ask: Ask, request: Any) -> Json:  # noqa: ANN401 - googleapiclient has no types
        """Send one request whose only good answer is one with a body. Raises the named error of any other."""
        answer = self.send(ask, request)
        if isinstance(answer, Outcome):
            raise malformed(ask)
        return answer

    def send(self, ask: Ask, request: Any) -> Json | Outcome:  # noqa: ANN401 - googleapiclient has no types
        """Send one request through the gate; give its answer, or an outcome that is no error for its caller.

        What it waits for at the gate is part of the call's time.
        """
        with within(self._timeout), self._gate() if self._gate is not None else nullcontext():
            return self._send(ask, request)

    def _send(self, ask: Ask, request: Any) -> Json | Outcome:  # noqa: ANN401 - googleapiclient has no types
        try:
            answer = request.execute(http=self._http(ask.scope), num_retries=0)
        except FAILURES as error:
            verdict = self._judge(ask, error)
            if verdict.outcome in FINE:
                return verdict.outcome
            raise self._named(ask, verdict) from error
        # googleapiclient hands over as text what it could not read as JSON.
        if answer == "":
            return {}
        if not isinstance(answer, dict):
            raise malformed(ask)
        return answer

    def _http(self, scope: str) -> Any:  # noqa: ANN401 - one of two clients of the same shape
        """Give this thread's transport for a scope."""
        own: dict[str, Any] = self._local.__dict__
        if scope not in own:
            credentials = self._credentials_for(scope)
            transport = Transport()
            own[scope] = (
                transport if credentials is None else google_auth_httplib2.AuthorizedHttp(credentials, transport)
            )
        return own[scope]

    def _credentials_for(self, scope: str) -> Any:  # noqa: ANN401 - google-auth's base class is untyped
        with self._lock:
            if scope not in self._credentials:
                made = self._make_credentials((scope,))
                if made is None and not is_loopback(self._root):
                    raise UnsafeEndpoint("Without credentials accessbot speaks to a Google API on this machine only.")
                self._credentials[scope] = made
            return self._credentials[scope]
