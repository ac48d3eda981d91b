"""Errors are one line on standard error that says what to do, and exit statuses mean what is documented."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from accessbot.adapters.redis_store import RedisStore
from accessbot.domain.model import GrantState
from tests.cli.conftest import PROGRAM, Run
from tests.cli.records import fill

LISTS = [["grants", "list"], ["requests", "list"], ["audit", "list"], ["grants", "revoke", "g_1"]]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        yield listener.getsockname()[1]


@pytest.mark.parametrize("args", LISTS)
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_redis_that_is_away_is_one_line(run: Run, args: list[str], as_json: list[str]) -> None:
    """Exit status 1 within three seconds, nothing on standard output."""
    began = time.monotonic()
    told = run(*args, *as_json, REDIS_URL="redis://127.0.0.1:1/0")
    assert time.monotonic() - began < 3
    assert (told.status, told.out, told.err.count("\n")) == (1, "", 1)
    assert "does not answer" in told.err


def test_a_redis_that_hangs_is_one_line(run: Run, silent_port: int) -> None:
    """A server that takes the connection and says nothing is away too."""
    began = time.monotonic()
    told = run("grants", "list", REDIS_URL=f"redis://127.0.0.1:{silent_port}/0")
    assert time.monotonic() - began < 3
    assert (told.status, told.out, told.err.count("\n")) == (1, "", 1)


@pytest.mark.parametrize("args", LISTS)
def test_missing_settings_name_the_variable(run: Run, args: list[str]) -> None:
    """Without REDIS_URL the line says so; nothing else is asked for."""
    told = run(*args, REDIS_URL="")
    assert (told.status, told.out) == (1, "")
    assert told.err.startswith("REDIS_URL is not set: set it to ")
    assert told.err.count("\n") == 1


def test_a_sandboxs_redis_is_not_for_real_commands(run: Run, store: RedisStore) -> None:
    """A database marked as a sandbox's is refused unless the command is of that sandbox, and the other way round."""
    assert run("grants", "list").status == 0
    assert run("grants", "list", ACCESSBOT_SANDBOX="1").status == 1
    store.set_mark("sandbox")
    told = run("grants", "list", ACCESSBOT_SANDBOX="")
    assert (told.status, told.out, told.err.count("\n")) == (1, "", 1)
    assert "sandbox" in told.err
    assert run("grants", "list", ACCESSBOT_SANDBOX="1").status == 0


@pytest.mark.parametrize(
    "args",
    [
        ["no-such-command"],
        ["grants", "lst"],
        ["grants", "revoke"],
        ["grants", "revoke", "g_1", "--timeout", "60"],
        ["grants", "list", "--state", "lost"],
        ["grants", "list", "--since", "yesterday"],
        ["requests", "list", "--nothing"],
        ["audit", "list", "--person", "ann@example.com"],
        ["audit", "list", "too", "many"],
        ["catalog", "check", "one.yml", "two.yml"],
        ["sandbox", "--port", "high"],
    ],
)
def test_wrong_usage_is_one_line_and_status_2(run: Run, args: list[str]) -> None:
    """The line names the mistake and the help to look at."""
    told = run(*args)
    assert (told.status, told.out, told.err.count("\n")) == (2, "", 1)
    assert "--help'." in told.err
    assert "Value error" not in told.err


@pytest.mark.parametrize("args", [[], ["grants"], ["requests"], ["audit"], ["catalog"]])
def test_a_group_alone_shows_its_help(run: Run, args: list[str]) -> None:
    """Without a command there is the help to choose from, and status 2."""
    told = run(*args)
    assert told.status == 2
    assert "Usage:" in told.out + told.err


@pytest.mark.parametrize(
    "args", [[], ["grants"], ["grants", "list"], ["grants", "revoke"], ["doctor"], ["worker"], ["clock"], ["sandbox"]]
)
def test_every_command_has_help(run: Run, args: list[str]) -> None:
    """Help goes to standard output with status 0."""
    told = run(*args, "--help")
    assert (told.status, told.err) == (0, "")
    assert "Usage:" in told.out


@pytest.mark.parametrize("command", ["worker", "clock"])
def test_processes_do_not_start_without_their_settings(run: Run, command: str) -> None:
    """Each missing variable is a line, and nothing runs."""
    told = run(command, REDIS_URL="")
    assert (told.status, told.out) == (1, "")
    assert any(line.startswith("REDIS_URL is not set") for line in told.err.splitlines())


def test_the_program_has_the_same_statuses(program: Run) -> None:
    """The installed program leaves with 0, 1 and 2."""
    assert program("grants", "list", "--json").out == "[]\n"
    assert program("grants", "revoke", "g_none").status == 1
    assert program("grants", "bogus").status == 2


def test_a_reader_that_has_seen_enough_is_no_error(redis_url: str, store: RedisStore) -> None:
    """When the pipe closes early nothing is complained about."""
    fill(store)
    with subprocess.Popen(
        [PROGRAM, "audit", "list", "--json"],
        env={**os.environ, "REDIS_URL": redis_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(timeout=60) in {0, 1}


def test_ctrl_c_is_quiet(redis_url: str, store: RedisStore) -> None:
    """Interrupting a wait leaves with 130 and says nothing; the revoke was recorded."""
    fill(store)
    # Where these tests run in the background, SIGINT is ignored, and a program takes that over from who starts it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        [PROGRAM, "grants", "revoke", "g_1", "--timeout", "60s"],
        env={**os.environ, "REDIS_URL": redis_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 30
        while not list(store.grants([GrantState.REVOKING])) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    signal.signal(signal.SIGINT, before)
    assert (process.returncode, out, err) == (130, "", "")
    assert [grant.id for grant in store.grants([GrantState.REVOKING])] == ["g_1"]


def test_lists_do_not_load_the_vendors(redis_url: str) -> None:
    """boto3 and Google's client stay out of the commands that do not need them, so that these answer at once."""
    code = (
        "import sys; from accessbot import cli; status = cli.run(['grants', 'list', '--json']); "
        "print(status, sorted({'boto3', 'googleapiclient', 'slack_bolt', 'moto'} & set(sys.modules)))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "REDIS_URL": redis_url},
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stdout.splitlines()[-1] == "0 []"


def test_help_loads_next_to_nothing() -> None:
    """Help and completion do without settings, Redis and the log."""
    code = (
        "import sys; from accessbot import cli; cli.run(['--help']); "
        "print(sorted({'pydantic_settings', 'redis', 'rq', 'structlog', 'boto3', 'yaml'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.splitlines()[-1] == "[]"
