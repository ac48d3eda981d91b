"""A real Redis server, and the command line run against it in this process or as a program."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import redis
import structlog

from accessbot import cli
from accessbot.adapters.redis_client import connect
from accessbot.adapters.redis_store import RedisStore
from accessbot.sandbox.redis_server import RedisServer

PROGRAM = str(Path(sys.executable).parent / "accessbot")
PATIENCE = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Told:
    """What a command line printed, and its exit status."""

    status: int
    out: str
    err: str


Run = Callable[..., Told]


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """Run a real server for this process of the test run."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """Give the address of an empty database."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url


@pytest.fixture
def store(redis_url: str) -> Iterator[RedisStore]:
    """Give the store that the commands read."""
    store = RedisStore(connect(redis_url, patience=PATIENCE), patience=PATIENCE)
    yield store
    store.close()


@pytest.fixture
def logging_kept() -> Iterator[None]:
    """Put logging back to what it was: every command sets it up."""
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook)
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], sys.excepthook, threading.excepthook = handlers, *hooks
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def run(
    redis_url: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    logging_kept: None,  # noqa: ARG001 - asked for its effect
) -> Run:
    """Run a command line in this process, with the test's Redis and the given variables."""

    def run(*args: str, **environ: str) -> Told:
        for name, value in {"REDIS_URL": redis_url, **environ}.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        status = cli.run(args)
        return Told(status, *capsys.readouterr())

    return run


@pytest.fixture
def program(redis_url: str) -> Run:
    """Run the installed program, with the test's Redis and the given variables."""

    def run(*args: str, **environ: str) -> Told:
        told = subprocess.run(
            [PROGRAM, *args],
            env={**os.environ, "REDIS_URL": redis_url, **environ},
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Told(told.returncode, told.stdout, told.stderr)

    return run
