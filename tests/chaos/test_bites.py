"""The run bites: with one guard taken out of the product, the run finds it, says which invariant, and fails."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from datetime import timedelta

import pytest

from accessbot.sandbox.processes import ROOT
from tests.chaos.plan import Round, Scene
from tests.chaos.running import Run
from tests.chaos.stage import stage

APPROVERS = ("priya", "tomas")
GRACE = timedelta(seconds=4)


@pytest.mark.parametrize(
    ("broken", "kind", "entitlement", "invariant"),
    [
        ("writes first", "plain", "staging-admin", "INV-1"),
        ("reads nothing before", "standing", "production-readonly", "INV-4"),
    ],
)
def test_a_missing_guard_is_noticed(broken: str, kind: str, entitlement: str, invariant: str) -> None:
    """One round without any trouble is enough: the outside judgement says what does not hold."""
    with stage(broken=broken, grace=GRACE) as made:
        run = Run(made, 0)
        good = run.play(Round(1, (Scene(0.0, kind, "maya", entitlement, 1, APPROVERS, 0.1),), ()))
        assert not good
        assert invariant in {violation.invariant for _, violation in run.violations}


def test_the_command_fails_with_what_it_takes_to_play_it_again() -> None:
    """A violation leaves with status 1, and prints the seed, the round, the timeline and where the logs are kept."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "--rounds", "3", "--seed", "3", "--broken", "counts twice"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert ran.returncode == 1, ran.stderr
    assert re.search(r"^seed 3, round \d: INV-5 r_\S+: ", ran.stdout, re.MULTILINE)
    assert re.search(r"^\d\d:\d\d:\d\d\.\d+ audit +\d+ request\.approved ", ran.stdout, re.MULTILINE)
    kept = re.search(r"the whole timeline and the logs are in (\S+)$", ran.stdout, re.MULTILINE)
    assert kept is not None
    shutil.rmtree(kept[1])
