"""`accessbot worker`, `clock` and `sandbox`: commands that run until they are told to stop."""

from __future__ import annotations

import os
from typing import Annotated

import typer


def worker() -> int:
    """Run the workers, in the slots of ACCESSBOT_WORKER_SLOTS, until SIGTERM or Ctrl-C."""
    from accessbot import log, settings, supervisor  # noqa: PLC0415 - help and completion start without them

    read = settings.load("worker", os.environ)
    log.configure(read.log_level, hide=read.secrets())
    return supervisor.run_workers(read)


def clock() -> int:
    """Run the clocks, in ACCESSBOT_CLOCK_SLOTS slots, until SIGTERM or Ctrl-C."""
    from accessbot import log, settings, supervisor  # noqa: PLC0415 - help and completion start without them

    read = settings.load("clock", os.environ)
    log.configure(read.log_level, hide=read.secrets())
    return supervisor.run_clocks(read)


def sandbox(
    *,
    play: Annotated[bool, typer.Option("--play", help="Play the guided minute without a browser, and leave.")] = False,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port of the page; 0 takes a free one.", show_default=False)
    ] = None,
) -> int:
    """Run a whole workspace on this machine, Slack, Google and AWS being stand-ins, and print its address."""
    from accessbot.sandbox import run  # noqa: PLC0415 - help and completion start without it

    return run.main(play=play, port=run.DEFAULT_PORT if port is None else port)
