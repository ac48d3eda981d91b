"""Run it: `python -m tests.chaos --rounds 200 --seed 7`."""

from __future__ import annotations

import argparse
import logging
import secrets
import shutil
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog

from tests.chaos.broken.sitecustomize import BREAKS
from tests.chaos.plan import draw
from tests.chaos.running import Run
from tests.chaos.stage import stage
from tests.chaos.telling import figures, timeline
from tests.conftest import keep_the_machine_out

PATIENCE_S: Final = 60.0
BROKEN_PATIENCE_S: Final = 6.0
"""What is given to an end, and to people, beside the outage; what is broken on purpose is seen sooner."""


def say(line: str) -> None:
    """Print at once, into a pipe too."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Play the rounds and tell what came of them; 1 when an invariant did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="how many rounds are played")
    parser.add_argument("--first", type=int, default=1, help="the number of the first one")
    parser.add_argument(
        "--seed", type=int, default=None, help="what everything is drawn from; drawn itself if left out"
    )
    parser.add_argument("--broken", choices=sorted(BREAKS), default="", help="a guard that accessbot shall miss")
    parser.add_argument("--keep", action="store_true", help="keep logs and timeline of a good run too")
    wanted = parser.parse_args()
    seed = wanted.seed if wanted.seed is not None else secrets.randbelow(10**6)
    say(f"chaos: {wanted.rounds} rounds, seed {seed}")
    keep_the_machine_out()
    begun = time.monotonic()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    patience = timedelta(seconds=BROKEN_PATIENCE_S if wanted.broken else PATIENCE_S)
    with stage(broken=wanted.broken, grace=patience) as made:
        run = Run(made, seed)
        good = True
        for number in range(wanted.first, wanted.first + wanted.rounds):
            good = run.play(draw(seed, number))
            say(f"round {number}: {run.lengths[-1]:.1f} s")
            if not good:
                break
        good = run.finish() and good
        say(figures(run, time.monotonic() - begun))
        if not good or wanted.keep:
            kept = Path(tempfile.mkdtemp(prefix="accessbot-chaos-"))
            shutil.copytree(made.box.processes.logs, kept / "logs")
            (kept / "timeline.txt").write_text(timeline(run), encoding="utf-8")
            if not good:
                say(timeline(run, only_round=True))
            for number, violation in run.violations:
                say(f"seed {seed}, round {number}: {violation}")
            say(f"the whole timeline and the logs are in {kept}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
