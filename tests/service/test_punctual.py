"""Access lasts until its very end and no longer, by the store's clock, whatever other clocks say."""

from __future__ import annotations

import ast
import time
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import accessbot
from accessbot.domain.model import EndCause, GrantState
from tests.support.world import World, new_world

MOMENT = timedelta(milliseconds=1)
SECOND = timedelta(seconds=1)
ROOT = Path(accessbot.__file__).parent
MAY_LOOK = {"cli", "sandbox", "comparing.py", "http.py"}
"""What may read this machine's clock: what a person reads once, stand-ins, the comparison with the store's, and the
door, for the age of a signature by Slack."""


@settings(max_examples=25, deadline=None)
@given(seconds=st.integers(5, 8 * 3600), late=st.integers(0, 3_000), asked_after=st.integers(0, 999))
def test_no_end_is_early_and_none_is_late(seconds: int, late: int, asked_after: int) -> None:
    """However long, and wherever in a second it was approved: there a millisecond before, gone when a worker looks."""
    with new_world() as world:
        world.clock.move(asked_after * MOMENT)
        grant = world.granted("maya", duration=f"{seconds}s")
        world.advance(grant.expires_at - world.clock.now - MOMENT)
        assert world.sides("maya") == (True, True)
        assert world.grant(grant).state is GrantState.ACTIVE
        world.clock.move(MOMENT + late * MOMENT)
        world.run_until_idle()
        ended = world.grant(grant)
        assert world.sides("maya") == (False, False)
        assert (ended.state, ended.end_cause) == (GrantState.REVOKED, EndCause.EXPIRED)
        assert ended.ended_at is not None
        assert ended.ended_at - grant.expires_at <= late * MOMENT + SECOND


def test_what_was_extended_lasts_to_the_new_end(world: World) -> None:
    """The old end passes without anything being taken away, the new one does not."""
    grant = world.granted("maya", duration="1h")
    extension = world.extend(grant, "1h")
    world.approve("priya", extension)
    longer = world.grant(grant)
    assert longer.expires_at == grant.expires_at + timedelta(hours=1)
    world.advance(grant.expires_at - world.clock.now + SECOND)
    assert world.sides("maya") == (True, True)
    world.advance(longer.expires_at - world.clock.now - MOMENT)
    assert world.sides("maya") == (True, True)
    world.advance(MOMENT)
    assert world.sides("maya") == (False, False)


@pytest.mark.parametrize("off", [-3600.0, -300.0, 300.0, 3600.0])
def test_a_machine_whose_clock_is_wrong_ends_nothing_early_or_late(
    world: World, monkeypatch: pytest.MonkeyPatch, off: float
) -> None:
    """Minutes or an hour off, forwards or backwards, from the request to the end: it makes no difference."""
    true = time.time
    monkeypatch.setattr(time, "time", lambda: true() + off)
    grant = world.granted("maya", duration="30m")
    world.advance(grant.expires_at - world.clock.now - MOMENT)
    assert world.sides("maya") == (True, True)
    world.advance(MOMENT)
    assert world.sides("maya") == (False, False)
    assert world.grant(grant).ended_at == grant.expires_at


def test_nothing_that_grants_or_revokes_reads_this_machine_s_clock() -> None:
    """Times come from the store; only what is named here looks at the wall clock, and decides nothing by it."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        if MAY_LOOK & set(path.relative_to(ROOT).parts):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                called = f"{node.value.id}.{node.attr}"
                if called in {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "date.today"}:
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno} {called}")
    assert found == []
