"""Two ways to reach a workspace as its people: in this process, or over HTTP."""

import json
import time
import urllib.error
import urllib.request
from typing import Any, Protocol
from urllib.parse import urlencode

from accessbot.sandbox.slack.errors import DeliveryFailed, Refused, UnknownThing
from accessbot.sandbox.slack.workspace import Workspace

Json = dict[str, Any]

_TIMEOUT_SECONDS = 15.0


class Door(Protocol):
    """What `Actor` needs of a workspace: the verbs of `/sandbox/…`."""

    def read(self, verb: str, query: Json) -> Json:
        """Ask. Raises Refused."""
        ...

    def write(self, verb: str, body: Json) -> Json:
        """Do. Raises Refused."""
        ...

    def wait(self, seq: int, seconds: float) -> None:
        """Wait for a change after `seq`, at most so long."""
        ...


class LocalDoor:
    """Into a workspace of this process."""

    def __init__(self, workspace: Workspace) -> None:
        """Enter this workspace."""
        self._workspace = workspace

    def read(self, verb: str, query: Json) -> Json:
        """Ask. Raises Refused."""
        return self._workspace.page_api.read(verb, query)

    def write(self, verb: str, body: Json) -> Json:
        """Do. Raises Refused."""
        return self._workspace.page_api.write(verb, body)

    def wait(self, seq: int, seconds: float) -> None:
        """Wait for a change after `seq`, at most so long."""
        self._workspace.state.pulse.wait_beyond(seq, seconds)


class HttpDoor:
    """Over HTTP, ignoring the proxies of the machine."""

    def __init__(self, url: str) -> None:
        """Reach the workspace at this address."""
        self._url = url.rstrip("/")
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def read(self, verb: str, query: Json) -> Json:
        """Ask. Raises Refused."""
        known = {name: value for name, value in query.items() if value is not None}
        return self._go(urllib.request.Request(f"{self._url}/sandbox/{verb}?{urlencode(known)}"))  # noqa: S310 - loopback

    def write(self, verb: str, body: Json) -> Json:
        """Do. Raises Refused."""
        headers = {"Content-Type": "application/json"}
        data = json.dumps(body).encode()
        return self._go(urllib.request.Request(f"{self._url}/sandbox/{verb}", data, headers))  # noqa: S310 - loopback

    def wait(self, seq: int, seconds: float) -> None:
        """Wait a moment; the state is asked for anew anyway."""
        del seq
        time.sleep(min(seconds, 0.05))

    def _go(self, request: urllib.request.Request) -> Json:
        try:
            with self._opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
                answer: Json = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            with error:
                problem: Json = json.load(error)
            sentence = str(problem.get("error"))
            if error.code == DeliveryFailed.status:
                raise DeliveryFailed(sentence, problem.get("app_status")) from error
            raise (UnknownThing if error.code == UnknownThing.status else Refused)(sentence) from error
