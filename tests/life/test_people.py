"""Who somebody is, looked up live at each step, through real processes: access goes to nobody it should not go to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from accessbot.domain.model import RequestState

if TYPE_CHECKING:
    from accessbot.sandbox.slack.actor import Actor
    from tests.life.conftest import Life


@contextmanager
def changed(life: Life, who: Actor, **fields: object) -> Iterator[None]:
    """Let a Slack account be different for a while."""
    workspace = life.box.workspace
    was = {name: getattr(workspace.state.person(who.id), name) for name in fields}
    workspace.edit_person(who.id, **fields)
    try:
        yield
    finally:
        workspace.edit_person(who.id, **was)


def refused(life: Life, who: Actor, reason: str, said: str) -> None:
    """Check that a request was closed by the rules, told to that person alone, and never shown to an approver."""
    life.wait("the refusal", lambda: life.request(reason).state == "denied")
    request = life.request(reason)
    assert said in request.decision_reason
    assert request.decided_by == "accessbot"
    who.wait_for_ephemeral(said)
    priya = life.person("priya")
    assert not [m for m in priya.messages("approvals") if reason in priya.read(m)]
    assert not life.grants_for(reason)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"is_email_confirmed": False}, "not confirmed the email"),
        ({"is_ultra_restricted": True}, "Guests"),
        ({"is_invited_user": True}, "not accepted"),
        ({"team_id": "T99PARTNER"}, "other workspaces"),
        ({"email": ""}, "no email"),
        ({"email": "ghost@example.com"}, "Google does not know"),
    ],
    ids=["unconfirmed", "guest of one channel", "invited", "other team", "no email", "unknown to google"],
)
def test_who_is_not_fully_known_gets_nothing(life: Life, fields: dict[str, object], said: str) -> None:
    """A request of an account that Slack or Google does not vouch for reaches no approver; the person reads why."""
    noah, reason = life.person("noah"), f"asked with {sorted(fields)} {said}"
    with changed(life, noah, **fields):
        assert noah.command("/request-aws", f"data-analyst 30m {reason}").ok
        refused(life, noah, reason, said)


def test_a_stranger_in_a_shared_channel_gets_nothing(life: Life) -> None:
    """Somebody of another company who finds the command is told no, and is not given a request."""
    sven = life.person("sven")
    assert sven.command("/request-aws", "data-analyst 30m a stranger asks").ok
    sven.wait_for(lambda me: [m for m in me.ephemerals() if "other" in me.read(m)], 15, "a refusal")
    priya = life.person("priya")
    assert not [m for m in priya.messages("approvals") if "a stranger asks" in priya.read(m)]
    assert not [r for r in life.box.store.requests([RequestState.PENDING]) if r.requester == sven.id]


def test_who_is_suspended_at_google_gets_nothing(life: Life) -> None:
    """A suspended Google account cannot ask, and can again once it is not."""
    noah, directory = life.person("noah"), life.box.world.google.directory
    directory.suspend("noah@example.com")
    try:
        noah.command("/request-aws", "data-analyst 30m asked while suspended")
        refused(life, noah, "asked while suspended", "suspended")
    finally:
        directory.suspend("noah@example.com", suspended=False)
    life.ask(noah, "data-analyst 30m asked when no longer suspended")


def test_who_is_not_in_identity_center_yet_is_told_so(life: Life) -> None:
    """A new hire whom the sync has not brought to AWS is told to come back; afterwards it works."""
    noah, world = life.person("noah"), life.box.world
    world.google.directory.add_user("newhire@example.com", "New Hire")
    with changed(life, noah, email="newhire@example.com"):
        noah.command("/request-aws", "data-analyst 30m asked on the first day")
        refused(life, noah, "asked on the first day", "AWS does not know")
        world.aws.add_user("newhire@example.com", "New Hire")
        card = life.granted(noah, "data-analyst 30m asked on the second day")
        assert life.is_in("data-analyst", "newhire@example.com") == (True, True)
        life.person("priya").click(card, "Revoke")
        life.wait("the end", lambda: life.is_in("data-analyst", "newhire@example.com") == (False, False))


def deactivated(life: Life, who: Actor) -> None:
    """Let Slack deactivate an account."""
    life.box.workspace.edit_person(who.id, deleted=True)


def suspended(life: Life, who: Actor) -> None:
    """Let Google suspend an account."""
    life.box.world.google.directory.suspend(life.box.workspace.state.person(who.id).email)


@pytest.mark.parametrize("leaves", [deactivated, suspended])
@pytest.mark.parametrize("when", ["before the approval", "after the approval"])
def test_who_leaves_in_the_middle_gets_nothing(life: Life, leaves: Callable[[Life, Actor], None], when: str) -> None:
    """Somebody who is gone between asking and provisioning is not given access, whoever approved; approvers see why."""
    maya, priya, faults = life.person("maya"), life.person("priya"), life.box.world.faults
    reason = f"{leaves.__name__} {when}"
    card = life.ask(maya, f"staging-admin 30m {reason}")
    try:
        if when == "before the approval":
            leaves(life, maya)
            priya.click(card, "Approve")
        else:
            faults.on("aws_down")
            priya.click(card, "Approve")
            priya.wait_for_message("approvals", reason, "waiting for AWS", timeout=15)
            leaves(life, maya)
            faults.off("aws_down")
        priya.wait_for_message("approvals", reason, "Failed", leaves.__name__, timeout=20)
    finally:
        faults.clear()
        life.box.workspace.edit_person(maya.id, deleted=False)
        life.box.world.google.directory.suspend("maya@example.com", suspended=False)
    (grant,) = life.grants_for(reason)
    assert grant.state == "provision_failed"
    assert life.is_in("staging-admin", "maya@example.com") == (False, False)
    journal = life.box.world.google.directory.journal
    assert not [call for call in journal.calls() if call.method == "google.members.insert" and "staging" in call.group]


def test_who_leaves_while_holding_access_loses_it_all_the_same(life: Life) -> None:
    """The end of a grant does not depend on its holder: deactivated and suspended, the memberships still go."""
    maya, priya = life.person("maya"), life.person("priya")
    card = life.granted(maya, "production-admin 30m left while holding it")
    deactivated(life, maya)
    suspended(life, maya)
    try:
        priya.click(card, "Revoke")
        priya.wait_for_message("approvals", "left while holding it", "Ended", timeout=15)
    finally:
        life.box.workspace.edit_person(maya.id, deleted=False)
        life.box.world.google.directory.suspend("maya@example.com", suspended=False)
    assert life.is_in("production-admin", "maya@example.com") == (False, False)


def test_only_approvers_decide(life: Life) -> None:
    """Somebody in the approvers' channel whom the policy does not name can neither approve, nor deny, nor revoke."""
    maya, noah, priya, ines = (life.person(name) for name in ("maya", "noah", "priya", "ines"))
    life.box.workspace.state.channel("C01APPROVALS").members.append(noah.id)
    card = life.ask(maya, "production-admin 30m looked at by others")
    for other in (noah, ines):  # an administrator of the catalog is no approver either
        other.click(card, "Approve")
        other.wait_for_ephemeral("not an approver of production-admin")
        other.click(card, "Deny")
        other.open_view()
        other.fill({"Reason": "I do not like it"})
        assert other.submit() == {}
        life.wait("both refusals", partial(was_refused_twice, other))
    assert life.request("looked at by others").state == "pending"
    priya.click(card, "Approve")
    card = priya.wait_for_message("approvals", "looked at by others", "Active until", timeout=15)
    noah.click(card, "Revoke")
    noah.wait_for_ephemeral("may revoke")
    assert life.is_in("production-admin", "maya@example.com") == (True, True)
    assert not [m for m in priya.ephemerals() if "approver" in priya.read(m)]
    ines.click(card, "Revoke")  # but an administrator may take anything away
    ines.wait_for_message("approvals", "looked at by others", "Ended", timeout=15)
    assert life.is_in("production-admin", "maya@example.com") == (False, False)
    assert life.grants_for("looked at by others")[0].end_actor == ines.id


def refusals(who: Actor) -> int:
    """Count how often somebody was told that they are no approver."""
    return len([m for m in who.ephemerals() if "not an approver" in who.read(m)])


def was_refused_twice(who: Actor) -> bool:
    """Tell whether somebody read two refusals."""
    return refusals(who) == 2


def test_a_second_slack_account_is_the_same_person(life: Life) -> None:
    """A requester who approves from another Slack account of the same Google user is refused."""
    tomas, ines = life.person("tomas"), life.person("ines")
    card = life.ask(tomas, "staging-admin 30m approved from the second account")
    with changed(life, ines, email="tomas@example.com"):
        ines.click(card, "Approve")
        ines.wait_for_ephemeral("your own request")
    assert life.request("approved from the second account").state == "pending"


def test_an_approver_who_left_does_not_count(life: Life) -> None:
    """An approver who was taken out of the group, or suspended, since the card was shown cannot approve."""
    maya, tomas, directory = life.person("maya"), life.person("tomas"), life.box.world.google.directory
    card = life.ask(maya, "production-admin 30m approved by somebody who left")
    directory.remove_member("sre-leads@example.com", "tomas@example.com")
    tomas.click(card, "Approve")
    tomas.wait_for_ephemeral("not an approver")
    directory.add_member("sre-leads@example.com", "tomas@example.com")
    directory.suspend("tomas@example.com")
    tomas.click(card, "Approve")
    tomas.wait_for_ephemeral("suspended")
    directory.suspend("tomas@example.com", suspended=False)
    assert life.request("approved by somebody who left").state == "pending"


def test_a_request_that_nobody_could_approve_is_refused(life: Life) -> None:
    """With no approver but the requester, the requester reads so at once, and no card is posted."""
    tomas, directory = life.person("tomas"), life.box.world.google.directory
    directory.remove_member("sre-leads@example.com", "priya@example.com")
    try:
        tomas.command("/request-aws", "production-admin 30m nobody else is there")
        refused(life, tomas, "nobody else is there", "nobody but you")
    finally:
        directory.add_member("sre-leads@example.com", "priya@example.com")


def test_no_defect_came_up(life: Life) -> None:
    """Nothing of all this was a surprise to any process, and nothing was sent that Slack would refuse."""
    assert life.box.workspace.warnings == []
    for name in ("web", "worker", "clock"):
        assert "Traceback" not in life.box.processes.tail(name, 100_000)
