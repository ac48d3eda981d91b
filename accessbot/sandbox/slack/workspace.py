"""The workspace: everything put together, started and stopped as one thing."""

import errno
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from accessbot.sandbox.loopback import LoopbackServer
from accessbot.sandbox.slack.delivery import ACK_SECONDS, Answer, Courier, Delivery
from accessbot.sandbox.slack.desk import Desk
from accessbot.sandbox.slack.forgery import Flaw, Forger
from accessbot.sandbox.slack.outages import Outages
from accessbot.sandbox.slack.page_api import (
    AccessSource,
    FaultSwitch,
    GuideStep,
    HandOver,
    PageApi,
    no_access,
    no_faults,
    no_guide,
    no_hand_over,
)
from accessbot.sandbox.slack.payloads import Payloads
from accessbot.sandbox.slack.people import Cast, Channel, Person, UserGroup, check_cast, load_cast
from accessbot.sandbox.slack.pulse import Pulse
from accessbot.sandbox.slack.server import PAGE, Front
from accessbot.sandbox.slack.socket_mode import SocketMode
from accessbot.sandbox.slack.state import APP_ID, State
from accessbot.sandbox.slack.tickets import TRIGGER_SECONDS
from accessbot.sandbox.slack.webapi import Call, WebApi

Json = dict[str, Any]


class Workspace:
    """A Slack workspace on 127.0.0.1 with one app in it.

    The app is given `api_url`, `bot_token` and `signing_secret` (or `app_token` for Socket Mode), and `events_url` is
    set to where it listens. Any number of workspaces may live in one process.
    """

    def __init__(  # noqa: PLR0913 - a stand-in has many knobs, each by name
        self,
        people: Sequence[Person] | None = None,
        channels: Sequence[Channel] | None = None,
        user_groups: Sequence[UserGroup] | None = None,
        *,
        port: int = 0,
        events_url: str | None = None,
        commands: Collection[str] | None = None,
        scopes: Collection[str] | None = None,
        ack_seconds: float = ACK_SECONDS,
        trigger_seconds: float = TRIGGER_SECONDS,
        now: Callable[[], float] = time.time,
        page: Path = PAGE,
        access_source: AccessSource = no_access,
        fault_switch: FaultSwitch = no_faults,
        hand_over: HandOver = no_hand_over,
        guide: GuideStep = no_guide,
    ) -> None:
        """Set a workspace up; `start` opens its doors.

        Args:
            people: who is there, exactly one with `is_bot`; the cast of `people.toml` by default.
            channels: the channels and their members; as above.
            user_groups: the user groups; as above.
            port: where to serve; 0 takes a free port.
            events_url: where the app listens (http, loopback), e.g. http://127.0.0.1:3000/slack/events.
            commands: the slash commands the app has registered; None takes any.
            scopes: what the bot token was granted; None grants everything.
            ack_seconds: how long an acknowledgement may take (Slack: 3).
            trigger_seconds: how long a trigger id lives (Slack: 3).
            now: seconds since the epoch.
            page: the folder with the page's `index.html`.
            access_source: gives the access panel's content.
            fault_switch: switches a vendor fault (id, on).
            hand_over: says who is on call from now on (schedule, address or None).
            guide: gives the guided tour; called with {} to read it, with `step` or `dismiss` to move it.

        Raises:
            CastError: people, channels and groups contradict each other.
        """
        default = load_cast()
        cast = Cast(
            default.team_id,
            default.team_name,
            default.team_domain,
            default.people if people is None else list(people),
            default.channels if channels is None else list(channels),
            _fitting(default.user_groups, people) if user_groups is None else list(user_groups),
        )
        check_cast(cast)
        self.bot_token = f"xoxb-sandbox-{secrets.token_hex(12)}"
        self.app_token = f"xapp-1-{APP_ID}-{secrets.token_hex(12)}"
        self.state = State(cast, Pulse(now), trigger_seconds)
        self.socket_mode = SocketMode()
        self._courier = Courier(
            secrets.token_hex(16), events_url, ack_seconds=ack_seconds, now=now, socket_line=self.socket_mode
        )
        self._payloads = Payloads(self.state)
        self._web_api = WebApi(
            self.state, self.bot_token, self.app_token, scopes=scopes, connect=self.socket_mode.address
        )
        self.page_api = PageApi(
            self.state,
            Desk(self.state, self._courier, self._payloads, commands),
            self._courier,
            access_source=access_source,
            fault_switch=fault_switch,
            hand_over=hand_over,
            guide=guide,
        )
        self._forger = Forger(self.state, self._courier, self._payloads)
        self._server = LoopbackServer(Front(self.state, self._web_api, self.page_api, page).answer, port=port)

    def start(self) -> Self:
        """Open the doors.

        Raises:
            OSError: the port is taken.
        """
        self.state.pulse.open()
        self.socket_mode.start()
        try:
            self._server.start()
        except (OSError, SystemExit) as error:  # werkzeug answers a taken port by leaving the process
            self.socket_mode.stop()
            raise OSError(errno.EADDRINUSE, "the port of the sandbox is in use; stop what listens there") from error
        self._payloads.root = self.url
        return self

    def stop(self) -> None:
        """Hang up on everybody; what is in the workspace stays."""
        self.state.pulse.close()
        self.socket_mode.stop()
        self._server.stop()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def url(self) -> str:
        """The address of the page, without a trailing slash."""
        return self._server.url

    @property
    def api_url(self) -> str:
        """The Web API's base, for `SLACK_API_URL`."""
        return f"{self.url}/api/"

    @property
    def signing_secret(self) -> str:
        """What deliveries are signed with."""
        return self._courier.signing_secret

    @property
    def events_url(self) -> str | None:
        """Where the app listens over HTTP; may be set at any time."""
        return self._courier.events_url

    @events_url.setter
    def events_url(self, url: str | None) -> None:
        self._courier.events_url = url

    @property
    def outages(self) -> Outages:
        """The switches that make the Web API fail."""
        return self._web_api.outages

    @property
    def calls(self) -> list[Call]:
        """Every Web API call so far."""
        return self._web_api.calls

    @property
    def deliveries(self) -> list[Delivery]:
        """Everything delivered to the app so far, with its answers."""
        return self._courier.records

    @property
    def warnings(self) -> list[str]:
        """What Slack lets pass, or refuses unseen, and a test should not: missing fallback texts, bad answers."""
        with self.state.lock:
            return list(self.state.warnings)

    def edit_person(self, user_id: str, **fields: object) -> None:
        """Change an account: `edit_person("U01MAYA", deleted=True)`.

        Raises:
            AttributeError: there is no such field. SlackError: there is no such person.
        """

        def change(person: Person) -> None:
            for name, value in fields.items():
                getattr(person, name)
                setattr(person, name, value)

        self.state.edit(user_id, change)

    def poke(self) -> None:
        """Let the page fetch the state anew, when something outside Slack changed."""
        self.state.pulse.touch()

    def send_event(self, event: Json, retries: int = 0) -> list[Answer]:
        """Deliver an Events API event; unacknowledged ones again, `retries` times at most (Slack: 3)."""
        payload = {
            "type": "event_callback",
            "team_id": self.state.cast.team_id,
            "api_app_id": APP_ID,
            "event": event,
            "event_id": f"Ev{secrets.token_hex(5).upper()}",
            "event_time": int(self.state.pulse.now()),
            "authorizations": [{"team_id": self.state.cast.team_id, "user_id": self.state.bot.id, "is_bot": True}],
        }
        return self._courier.deliver_event(payload, retries)

    def redeliver(self, delivery: Delivery | None = None, *, anew: bool = False) -> Answer:
        """Deliver one of `deliveries` (the last, if not told which) again.

        Byte for byte it is a replay; with `anew` the same payload is signed now, as when somebody presses twice.

        Raises:
            Refused: nothing was delivered yet.
        """
        return self._courier.redeliver(delivery, anew=anew)

    def forge(self, flaw: Flaw, payload: Json | None = None) -> Answer:
        """Send the app a request that is wrong in one way, over HTTP; return its answer."""
        return self._forger.forge(flaw, payload)


def _fitting(groups: list[UserGroup], people: Sequence[Person] | None) -> list[UserGroup]:
    """Return the default user groups, without the members that another set of people lacks."""
    if people is None:
        return groups
    known = {person.id for person in people}
    return [UserGroup(g.id, g.handle, g.name, [m for m in g.members if m in known]) for g in groups]
