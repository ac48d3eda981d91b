"""The sandbox: the real app, workers and clock against stand-ins on loopback, in one command."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer
import yaml

from accessbot.adapters.redis_client import connect
from accessbot.adapters.redis_store import RedisStore
from accessbot.domain.errors import AccessbotError, Refused
from accessbot.sandbox import play as played
from accessbot.sandbox.panel import Panel
from accessbot.sandbox.processes import ROOT, NotStartedError, Processes, clean_environment, free_port
from accessbot.sandbox.redis_server import RedisServer, RedisUnavailableError
from accessbot.sandbox.slack import Workspace
from accessbot.sandbox.world import World
from accessbot.settings import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

SANDBOX_REDIS: Final = "ACCESSBOT_SANDBOX_REDIS_URL"
DEFAULT_PORT: Final = 8377
_MARK: Final = "sandbox"
_PATIENCE: Final = timedelta(milliseconds=400)
_FOREIGN: Final = ("SLACK_", "GOOGLE_", "AWS_", "REDIS_", "ACCESSBOT_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox."""

    workspace: Workspace
    world: World
    store: RedisStore
    processes: Processes
    panel: Panel
    folder: Path
    redis_url: str
    environment: dict[str, str]


@contextmanager
def sandbox(
    *, port: int = 0, redis_url: str = "", socket_mode: bool = False, extra: dict[str, str] | None = None
) -> Iterator[Sandbox]:
    """Run everything until the block ends; nothing is left running.

    `redis_url` names a loopback Redis of the sandbox's own not an embedded one; with `socket_mode` Slack delivers
    over a socket that the app opens, not over HTTP; `extra` adds to the processes' environment.

    Raises `Refused` for a Redis that is not on loopback or holds something else, `NotStartedError`,
    `RedisUnavailableError`.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="accessbot-sandbox-")))
        url = redis_url or stack.enter_context(RedisServer(folder / "redis")).url
        store = _own_store(url)
        world = stack.enter_context(World())
        panel = Panel(world, store)
        catalog = folder / "catalog.yml"
        catalog.write_text(world.catalog(), encoding="utf-8")
        web_port = free_port()
        manifest = yaml.safe_load((ROOT / "manifest.yml").read_text(encoding="utf-8"))
        workspace = Workspace(
            port=port,
            commands=[each["command"] for each in manifest["features"]["slash_commands"]],
            scopes=manifest["oauth_config"]["scopes"]["bot"],
            events_url=None if socket_mode else f"http://127.0.0.1:{web_port}/slack/events",
            access_source=panel.access,
            fault_switch=panel.switch,
            hand_over=panel.hand_over,
            guide=panel.guide,
        )
        for journal in (world.google.directory.journal, world.aws.journal):
            stack.callback(journal.subscribe(lambda _change: workspace.poke()))
        stack.enter_context(workspace)
        environment = {
            **clean_environment(folder),
            **world.env(),
            "SLACK_BOT_TOKEN": workspace.bot_token,
            **({"SLACK_APP_TOKEN": workspace.app_token} if socket_mode else {}),
            **({} if socket_mode else {"SLACK_SIGNING_SECRET": workspace.signing_secret}),
            "SLACK_API_URL": workspace.api_url,
            "SLACK_APPROVALS_CHANNEL": "C01APPROVALS",
            "SLACK_ALERTS_CHANNEL": "C02ALERTS",
            "REDIS_URL": url,
            "ACCESSBOT_CATALOG": str(catalog),
            "ACCESSBOT_MIN_DURATION": "5s",
            "ACCESSBOT_SYNC_PERIOD": "2m",
            "ACCESSBOT_SCHEDULE_PERIOD": "3s",
            "ACCESSBOT_SANDBOX": "1",
            "PORT": str(web_port),
            **(extra or {}),
        }
        processes = Processes(environment, folder / "logs")
        stack.callback(processes.stop)
        processes.start()
        processes.wait_until_listening(web_port)
        yield Sandbox(workspace, world, store, processes, panel, folder, url, environment)


def _own_store(url: str) -> RedisStore:
    if not is_loopback(url):
        msg = f"{SANDBOX_REDIS} has to be an address of this machine, like redis://127.0.0.1:6380/0"
        raise Refused(msg)
    store = RedisStore(connect(url, patience=_PATIENCE), patience=_PATIENCE)
    if store.mark() != _MARK:
        if not store.is_empty():
            msg = f"The Redis in {SANDBOX_REDIS} holds something that is not a sandbox's; give it an empty one."
            raise Refused(msg)
        store.set_mark(_MARK)
    return store


def main(*, play: bool = False, port: int = DEFAULT_PORT) -> int:
    """Run the sandbox until Ctrl-C, or play its guided minute and leave; give the exit status."""
    redis_url = os.environ.get(SANDBOX_REDIS, "")
    _forget_the_machine()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: stop.set())
    try:
        with sandbox(port=0 if play else port, redis_url=redis_url) as running:
            if play:
                return played.play(running.workspace, running.world, sys.stdout, stop)
            return _show(running, stop)
    except (AccessbotError, NotStartedError, RedisUnavailableError) as error:
        typer.echo(f"accessbot sandbox: {error}", err=True)
        return 1
    except OSError as error:
        typer.echo(f"accessbot sandbox: port {port} is not to be had ({error.strerror}); try --port 0", err=True)
        return 1


def _forget_the_machine() -> None:
    """Take out of this process, too, what could lead its own clients anywhere but to this machine."""
    for name in list(os.environ):
        if name.upper().startswith(_FOREIGN):
            del os.environ[name]


def _show(running: Sandbox, stop: threading.Event) -> int:
    typer.echo(f"\n  accessbot's sandbox is ready: {running.workspace.url}\n")
    typer.echo("  Everything runs on this machine: Slack, Google and AWS are stand-ins, accessbot is the real one.")
    typer.echo(f"  Logs: {running.processes.logs}    Stop: Ctrl-C")
    while not stop.wait(0.5):
        running.processes.check()
    typer.echo("\n  stopping …")
    return 0
