"""`make crashes`: stop the process at thousands of calls, each in a life of its own, and print what did not hold."""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence

import structlog
from rich.console import Console
from rich.progress import track

from tests.proof.explorer import Outcome, Point, live, plan
from tests.support.invariants import CHECKS

_console = Console(highlight=False, markup=False, soft_wrap=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Explore as many points as asked for, or one again; give the exit status: 1 if an invariant did not hold."""
    parser = argparse.ArgumentParser(prog="make crashes", description=__doc__)
    parser.add_argument("--points", type=int, default=1_000, help="how many points (default: 1000)")
    parser.add_argument("--seed", type=int, default=1, help="what they are chosen by, and their lives told by")
    parser.add_argument("--point", type=Point.parse, help="one point to strike again, with all that is logged")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="how many processes share the work")
    given = parser.parse_args(arguments)
    if given.point is not None:
        return _again(given.point)
    quiet()
    begun = time.perf_counter()
    points = plan(given.points, given.seed)
    _console.print(f"seed {given.seed}: {len(points)} points, {given.workers} processes")
    outcomes = list(track(explored(points, given.workers), "exploring", len(points), disable=not sys.stdout.isatty()))
    return _report(outcomes, time.perf_counter() - begun, given.seed)


def quiet() -> None:
    """Log nothing: thousands of lives have much to say."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def explored(points: Sequence[Point], workers: int) -> Iterator[Outcome]:
    """Live through all points, in any order, on several processes."""
    if workers == 1:
        yield from map(_struck, points)
        return
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        yield from pool.imap_unordered(_struck, points, chunksize=8)


def _struck(point: Point) -> Outcome:
    outcome = live(point)
    return Outcome(point, outcome.violations, outcome.hits, outcome.seconds)


def _again(point: Point) -> int:
    outcome = live(point)
    for step in outcome.calls:
        if any(abs(step.place - strike.call) <= 3 for strike in point.strikes):
            _console.print(f"call {step.place}: {step.whom} {step.method} {step.args}")
    for violation in outcome.violations:
        _console.print(str(violation))
    _console.print(f"{point}: {outcome.hits} of {len(point.strikes)} strikes hit, {len(outcome.violations)} violations")
    return 1 if outcome.violations else 0


def _report(outcomes: Sequence[Outcome], seconds: float, seed: int) -> int:
    failed = [outcome for outcome in outcomes if outcome.violations]
    found = Counter(violation.invariant for outcome in failed for violation in outcome.violations)
    hits = Counter(outcome.hits for outcome in outcomes)
    lives = Counter((outcome.point.scene, outcome.point.seed) for outcome in outcomes)
    each = sum(outcome.seconds for outcome in outcomes) / max(1, len(outcomes))
    for outcome in failed[:20]:
        _console.print(f"make crashes POINT={outcome.point}")
        for violation in outcome.violations[:3]:
            _console.print(f"  {violation}")
    _console.print(
        f"seed {seed}: {len(outcomes)} points in {len(lives)} lives in {seconds:.0f} s,"
        f" {len(outcomes) / seconds:.1f} points a second, {each:.3f} s each;"
        f" struck once: {hits[1]}, twice: {hits[2]}, not reached: {hits[0]}"
    )
    for name in (*CHECKS, *sorted(set(found) - set(CHECKS))):
        _console.print(f"{name}: {found[name]} violations")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
