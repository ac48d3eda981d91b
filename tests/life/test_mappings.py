"""Groups that are missing or open something else than the catalog says, through real processes: no grant, and told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from accessbot.sandbox import world

if TYPE_CHECKING:
    from tests.life.conftest import Life


OPENINGS = {opening.entitlement: opening for opening in world.OPENINGS}


def change(life: Life, entitlement: str, *, more: bool, right: bool) -> None:
    """Let the group of an entitlement open one account too many, or nothing; or (`right`) what it should again."""
    opening, aws = OPENINGS[entitlement], life.box.world.aws
    if more:
        (aws.unassign if right else aws.assign)("222233334444", "DataAnalyst", opening.aws_group)
    else:
        (aws.assign if right else aws.unassign)(opening.account_id, opening.permission_set, opening.aws_group)


@pytest.mark.parametrize(
    ("entitlement", "more", "delegated"),
    [
        ("staging-admin", True, False),
        ("data-analyst", False, False),
        ("production-readonly", True, True),
        ("production-admin", False, True),
    ],
)
def test_a_group_that_opens_something_else_gives_nothing(
    life: Life, entitlement: str, *, more: bool, delegated: bool
) -> None:
    """No grant; the requester, the approvers and the operators read what is wrong; once mended it works.

    It is seen as well from a delegated administrator's account, where AWS denies listing by principal.
    """
    maya, priya = life.person("maya"), life.person("priya")
    said = "opens 1 more than the catalog says" if more else "is not assigned to its group"
    if delegated:
        life.box.world.faults.on("aws_delegated")
    change(life, entitlement, more=more, right=False)
    card = life.ask(maya, f"{entitlement} 30m broken {entitlement}")
    priya.click(card, "Approve")
    priya.wait_for_message("approvals", f"broken {entitlement}", "Failed", said, timeout=20)
    maya.wait_for_message("dm", "could not be given", said, timeout=15)
    priya.wait_for_message("alerts", f"Alert: {entitlement} is closed for new grants", said, timeout=15)
    assert life.grants_for(f"broken {entitlement}")[0].state == "provision_failed"
    assert life.is_in(entitlement, "maya@example.com") == (False, False)
    change(life, entitlement, more=more, right=True)
    card = life.granted(maya, f"{entitlement} 30m mended {entitlement}")
    priya.wait_for_message("alerts", "Over", OPENINGS[entitlement].group, timeout=15)
    assert life.is_in(entitlement, "maya@example.com") == (True, True)
    priya.click(card, "Revoke")
    priya.wait_for_message("approvals", f"mended {entitlement}", "Ended", timeout=15)


def test_a_google_group_that_is_gone_gives_nothing(life: Life) -> None:
    """Without the Google group nothing is written to AWS, and everybody concerned reads which group is missing."""
    noah, priya, directory = life.person("noah"), life.person("priya"), life.box.world.google.directory
    group = OPENINGS["data-analyst"].group
    card = life.ask(noah, "data-analyst 30m without its google group")
    directory.delete_group(group)
    priya.click(card, "Approve")
    priya.wait_for_message("approvals", "without its google group", "Failed", group, timeout=20)
    noah.wait_for_message("dm", "could not be given", group, timeout=15)
    priya.wait_for_message("alerts", "could not be provisioned", "noah@example.com", group, timeout=15)
    directory.add_group(group)
    assert life.is_in("data-analyst", "noah@example.com") == (False, False)
    life.granted(noah, "data-analyst 30m with its google group again")


def test_an_identity_center_group_that_was_made_anew_is_never_followed(life: Life) -> None:
    """A group that is gone and comes back under another id opens nothing until somebody looked at it."""
    noah, priya, aws = life.person("noah"), life.person("priya"), life.box.world.aws
    opening = OPENINGS["staging-admin"]
    aws.delete_group(opening.aws_group)
    card = life.ask(noah, "staging-admin 30m without its aws group")
    priya.click(card, "Approve")
    priya.wait_for_message("approvals", "without its aws group", "Failed", timeout=20)
    priya.wait_for_message("alerts", "Alert: staging-admin is closed for new grants", "does not know", timeout=15)
    assert not life.box.world.google.directory.is_member(opening.group, "noah@example.com")
    aws.add_group(opening.aws_group)
    aws.assign(opening.account_id, opening.permission_set, opening.aws_group)
    card = life.ask(noah, "staging-admin 30m with another aws group")
    priya.click(card, "Approve")
    priya.wait_for_message("approvals", "with another aws group", "Failed", "recreated", timeout=20)
    assert life.is_in("staging-admin", "noah@example.com") == (False, False)


def test_no_defect_came_up(life: Life) -> None:
    """Nothing of all this was a surprise to any process, and nothing was sent that Slack would refuse."""
    assert life.box.workspace.warnings == []
    for name in ("web", "worker", "clock"):
        assert "Traceback" not in life.box.processes.tail(name, 100_000)
