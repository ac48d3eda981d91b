"""Real processes on a primary that fails and is replaced: what people were told stands, and access still ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from accessbot.sandbox.run import sandbox
from tests.life.conftest import Life
from tests.support.redis_group import Group, redis_group, until


@pytest.fixture(scope="module")
def group() -> Iterator[Group]:
    """Run a primary, two replicas and a Sentinel."""
    with redis_group() as running:
        yield running


@pytest.fixture(scope="module")
def life(group: Group) -> Iterator[Life]:
    """Run a sandbox whose processes ask the Sentinel."""
    with sandbox(redis_url=group.url) as box:
        yield Life(box)


def test_a_life_goes_on_over_the_loss_of_the_primary(life: Life, group: Group) -> None:
    """Killed between the grant and its end: the end comes at its time, once, and the next person is served."""
    maya, noah, priya = life.person("maya"), life.person("noah"), life.person("priya")
    life.granted(maya, "staging-admin 15s before the loss")
    lost = group.primary()
    lost.kill()
    until("another primary", lambda: group.primary() is not lost)
    priya.wait_for_message("approvals", "before the loss", "Ended", timeout=40)
    assert not any("maya@example.com" in side for side in life.members("staging-admin"))
    actions = life.audit(life.grants()[-1]["id"])
    assert len(actions) == len(set(actions))
    life.granted(noah, "data-analyst 30m after the loss")
    assert all("noah@example.com" in side for side in life.members("data-analyst"))
    assert life.grants()[-1]["state"] == "active"


def test_the_command_line_and_the_doctor_ask_the_sentinels_too(life: Life) -> None:
    """The doctor says how many replicas there are."""
    found = life.cli("doctor", "--json")
    assert "1 replica" in found
    (live,) = [grant for grant in life.grants() if grant["state"] == "active"]
    life.cli("grants", "revoke", live["id"])
    assert not any("noah@example.com" in side for side in life.members("data-analyst"))
