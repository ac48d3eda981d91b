"""A sample of the crash explorer: lives that are struck at a call, or at two, and what is left of them."""

from __future__ import annotations

import pytest

from tests.proof.crashes import main
from tests.proof.explorer import Blow, Point, Strike, calls_of, live, plan, points_of
from tests.proof.scenes import SCENES
from tests.support.watch import QUEUE, SLACK, STORE, VENDORS

SEED = 1
SAMPLE = 135
"""How many points each run of the tests explores; `make crashes` explores as many as it is asked for."""


@pytest.mark.parametrize("scene", SCENES)
def test_a_life_that_nothing_strikes_holds_every_invariant(scene: str) -> None:
    """Each life of the catalogue comes to its end with nothing to complain of, told by any of two seeds."""
    for seed in (SEED, SEED + 1):
        assert live(Point(scene, seed)).violations == ()


@pytest.mark.parametrize("scene", SCENES)
def test_wherever_a_process_is_struck_every_invariant_holds(scene: str) -> None:
    """Killed, stalled or cut off from its store at any call, or at two, the life comes to its end all the same."""
    failed = {}
    for point in (each for each in plan(SAMPLE, SEED) if each.scene == scene):
        outcome = live(point)
        if outcome.violations:
            failed[f"make crashes POINT={point}"] = [str(violation) for violation in outcome.violations]
    assert failed == {}


def test_a_life_is_struck_at_every_call_that_leaves_the_process() -> None:
    """There is a point before and one after each call to the store, the vendors, Slack and the queue."""
    calls = calls_of("plain", SEED)
    assert {step.whom for step in calls} == {STORE, SLACK, QUEUE, *VENDORS}
    assert {step.method for step in calls if step.whom == SLACK} >= {"person", "show_card", "tell", "answer"}
    points = points_of("plain", SEED)
    for blow in (Blow.BEFORE, Blow.AFTER):
        struck = [point.strikes[0].call for point in points if point.strikes[0].blow is blow]
        assert struck == list(range(len(calls)))


def test_there_are_ten_thousand_points_and_more() -> None:
    """The lives of one seed, struck once, have more than ten thousand distinct points, and a plan has no double."""
    assert len({point for scene in SCENES for point in points_of(scene, SEED)}) > 10_000
    assert len(set(plan(500, SEED))) == 500


def test_a_point_leads_to_the_same_life_again() -> None:
    """The same point makes the same calls, in the same order, however often it is lived."""
    for name in ("flaky:3:60:after:90:before", "overlap:2:200:stall"):
        point = Point.parse(name)
        assert str(point) == name
        first, second = live(point), live(point)
        assert first.calls == second.calls
        assert first.hits == second.hits == len(point.strikes)


def test_a_name_that_leads_nowhere_is_refused() -> None:
    """A point that names no life, no call or no blow is refused with an example of one that does."""
    for name in ("nowhere:1:2:after", "plain:1:2", "plain:x:2:after", "plain:1:2:often", ""):
        with pytest.raises(ValueError, match="is no point; one is written like"):
            Point.parse(name)


def test_the_command_tells_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    """`make crashes` prints its seed, how fast it was and a figure for each invariant, and replays a single point."""
    assert main(["--points", "4", "--seed", str(SEED), "--workers", "1"]) == 0
    told = capsys.readouterr().out
    assert f"seed {SEED}: 4 points" in told
    assert all(f"INV-{number}: 0 violations" in told for number in range(1, 8))
    assert main(["--point", str(Point("plain", 5, (Strike(40, Blow.AFTER),)))]) == 0
    assert "plain:5:40:after: 1 of 1 strikes hit, 0 violations" in capsys.readouterr().out
