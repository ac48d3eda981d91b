"""A few rounds with real processes in which everything that can go wrong does, drawn from a seed that CI repeats."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.chaos.evidence import OURS
from tests.chaos.judging import judge
from tests.chaos.plan import Round, Scene, Trouble, draw
from tests.chaos.running import Run
from tests.chaos.scenes import SCENES, add
from tests.chaos.stage import Stage, stage
from tests.chaos.telling import figures, timeline
from tests.chaos.troubles import HOW

APPROVERS = ("priya", "tomas")


@pytest.fixture(scope="module")
def made() -> Iterator[Stage]:
    """Set one stage for all of these tests."""
    with stage() as running:
        yield running


def test_what_is_drawn_can_be_played() -> None:
    """The same seed draws the same rounds, others others; each kind of scene and trouble is drawn and known."""
    rounds = [draw(1, number) for number in range(300)]
    assert rounds == [draw(1, number) for number in range(300)]
    assert rounds[:20] != [draw(2, number) for number in range(20)]
    assert {scene.kind for each in rounds for scene in each.scenes} == set(SCENES)
    assert {trouble.kind for each in rounds for trouble in each.troubles} == set(HOW)
    assert all(scene.who not in scene.approvers for each in rounds for scene in each.scenes)


def test_a_short_run_keeps_every_invariant(made: Stage) -> None:
    """While workers, clocks, Redis, Google, AWS and the sync job fail, everything asked for comes, goes and is told."""
    run = Run(made, 0)
    scenes = (
        Scene(0.0, "overlap", "maya", "staging-admin", 2, APPROVERS, 0.2),
        Scene(0.2, "quorum", "noah", "payments-admin", 3, APPROVERS, 0.5),
        Scene(0.4, "put-back", "ines", "data-analyst", 1, APPROVERS, 0.3),
    )
    troubles = (
        Trouble(0.5, "kill redis", 0.4, "", 0.5),
        Trouble(0.9, "kill in a call", 1.0, "google.members.insert", 0.9),
        Trouble(1.6, "kill worker supervisor", 1.0, "", 0.4),
        Trouble(2.5, "sync", 1.5, "", 0.1),
    )
    more = (
        Scene(0.0, "double", "maya", "data-analyst", 2, APPROVERS, 0.9),
        Scene(0.1, "standing", "noah", "production-readonly", 2, APPROVERS, 0.1),
        Scene(0.3, "revoke", "ines", "production-admin", 2, APPROVERS, 0.7),
    )
    again = (
        Trouble(0.6, "aws loses answers", 1.0, "", 0.2),
        Trouble(0.8, "freeze in a call", 1.5, "aws.identitystore.CreateGroupMembership", 0.9),
        Trouble(1.8, "kill workers", 1.0, "", 0.1),
        Trouble(2.2, "freeze redis", 1.0, "", 0.1),
        Trouble(2.4, "kill clocks", 1.0, "", 0.2),
    )
    good = run.play(Round(1, scenes, troubles)) and run.play(Round(2, more, again))
    assert good, f"{timeline(run)}\n{figures(run, 0)}\n{[str(v) for _, v in run.violations]}"
    assert len(made.evidence.grants) >= 6
    assert {"redis", "worker supervisor", "worker slot", "clock slot", "redis frozen"} <= set(made.kills)
    assert run.surprises() == []


def test_a_membership_that_nobody_recorded_is_noticed(made: Stage) -> None:
    """What is written to a group with accessbot's own hand, past its records, is called by its name."""
    place = next(c.place for c in made.evidence.changes if c.by == OURS and c.place.side == "google")
    stranger = type(place)("google", place.group, "gabe@example.com")
    assert add(made, stranger, "api")
    found = judge(made.evidence, datetime.now(UTC))
    assert [(v.invariant, v.subject) for v in found] == [("INV-1", str(stranger))]
