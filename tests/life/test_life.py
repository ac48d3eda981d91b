"""The life of a request and of its grant, through real processes: from what is typed to what is proven gone."""

from __future__ import annotations

from datetime import datetime

from tests.life.conftest import Life


def test_access_comes_and_goes_by_itself(life: Life) -> None:
    """A request that is approved becomes access on both sides, and ends on both sides at its time, not before."""
    maya = life.person("maya")
    life.granted(maya, "staging-admin 6s first life")
    assert all("maya@example.com" in side for side in life.members("staging-admin"))
    life.wait("the end", lambda: life.grants()[-1]["state"] == "revoked")
    grant = life.grants()[-1]
    assert all("maya@example.com" not in side for side in life.members("staging-admin"))
    ended, expires = (datetime.fromisoformat(grant[name]) for name in ("ended_at", "expires_at"))
    assert 0 <= (ended - expires).total_seconds() < 5
    assert life.audit(grant["id"]) == [
        "grant.provisioning", "grant.intent", "grant.active", "grant.revoking", "grant.revoked",
    ]  # fmt: skip
    assert life.audit(grant["request_id"]) == ["request.submitted", "request.announced", "request.approved"]
    said = "\n".join(maya.read(message) for message in maya.dms())
    assert "ready" in said
    assert "#/console?account_id=333344445555&role_name=AdministratorAccess" in str(maya.dms())
    assert "AWS sessions already open can last until" in said


def test_a_form_asks_like_a_line(life: Life) -> None:
    """The form of /request-aws, filled in by its labels, makes a request that approvers see."""
    noah = life.person("noah")
    assert noah.command("/request-aws").ok
    noah.open_view()
    noah.fill({"Access": "data-analyst", "Duration": "30m", "Reason": "by form: a <!channel> & a <https://x|link>"})
    assert noah.submit() == {}
    card = life.person("priya").wait_for_message("approvals", "by form", timeout=15)
    assert "<!channel>" not in str(card["blocks"])
    assert life.requests()[-1]["duration_s"] == 1800


def test_a_form_refuses_on_the_field(life: Life) -> None:
    """What the policy does not allow is said on the field it belongs to, and nothing is stored."""
    noah, before = life.person("noah"), len(life.requests())
    noah.command("/request-aws")
    noah.open_view()
    noah.fill({"Access": "data-analyst", "Duration": "90h", "Reason": "too long"})
    assert "at most" in noah.submit()["Duration"].casefold()
    assert len(life.requests()) == before


def test_a_denial_carries_its_reason(life: Life) -> None:
    """Deny asks for a reason, the requester reads it, and no access comes of it."""
    noah, priya = life.person("noah"), life.person("priya")
    card = life.ask(noah, "production-admin 30m to be denied")
    priya.click(card, "Deny")
    priya.open_view()
    priya.fill({"Reason": "use the read-only role: it is enough"})
    assert priya.submit() == {}
    noah.wait_for_message("dm", "use the read-only role: it is enough", timeout=15)
    assert life.requests()[-1]["state"] == "denied"
    assert life.requests()[-1]["decided_by"] == priya.id


def test_nobody_decides_on_their_own_request(life: Life) -> None:
    """An approver who asks cannot approve; the refusal is theirs alone to read, and somebody else can."""
    tomas, priya = life.person("tomas"), life.person("priya")
    card = life.ask(tomas, "staging-admin 30m an approver asks")
    tomas.click(card, "Approve")
    tomas.wait_for_ephemeral("your own request", timeout=15)
    assert not [m for m in priya.ephemerals() if "your own request" in priya.read(m)]
    assert life.requests()[-1]["state"] == "pending"
    priya.click(card, "Approve")
    priya.wait_for_message("approvals", "an approver asks", "Active until", timeout=15)


def test_two_approvers_at_once_make_one_grant(life: Life) -> None:
    """Of two presses at the same moment one wins, and the other one is told who decided."""
    noah, priya, tomas = life.person("noah"), life.person("priya"), life.person("tomas")
    card = life.ask(noah, "staging-admin 30m raced for")
    assert priya.click(card, "Approve").ok
    assert tomas.click(card, "Approve", stale=True).ok
    priya.wait_for_message("approvals", "raced for", "Active until", timeout=15)
    request = life.requests()[-1]
    assert len([grant for grant in life.grants() if grant["request_id"] == request["id"]]) == 1
    loser = tomas if request["decided_by"] == priya.id else priya
    loser.wait_for_ephemeral("already approved", timeout=15)


def test_two_people_are_two_people(life: Life) -> None:
    """Where two approvals are needed, one person pressing twice is one, and a second person completes it."""
    noah, priya, ines = life.person("noah"), life.person("priya"), life.person("ines")
    card = life.ask(noah, "payments-admin 30m needs two")
    priya.click(card, "Approve")
    card = priya.wait_for_message("approvals", "needs two", "1 of 2", timeout=15)
    priya.click(card, "Approve")
    priya.wait_for_ephemeral("counted already", timeout=15)
    assert life.requests()[-1]["state"] == "pending"
    ines.click(card, "Approve")
    ines.wait_for_message("approvals", "needs two", "Active until", timeout=15)


def test_access_ends_early(life: Life) -> None:
    """End access in /my-access takes both memberships away at once."""
    maya = life.person("maya")
    life.granted(maya, "data-analyst 30m ended early")
    answer = maya.command("/my-access").answers[0]
    assert maya.click(answer, "End access").ok
    life.wait("both memberships gone", lambda: not any("maya@example.com" in s for s in life.members("data-analyst")))
    maya.wait_for_message("dm", "ended", timeout=15)
    assert "ended early" not in maya.command("/my-access").answers[0]["text"]


def test_an_approver_revokes(life: Life) -> None:
    """Revoke on the live card takes the access away; somebody who may not is refused."""
    maya, priya = life.person("maya"), life.person("priya")
    card = life.granted(maya, "production-admin 30m to be revoked")
    assert priya.click(card, "Revoke").ok
    priya.wait_for_message("approvals", "to be revoked", "Ended", timeout=15)
    assert not any("maya@example.com" in side for side in life.members("production-admin"))


def test_a_grant_is_extended_under_the_same_policy(life: Life) -> None:
    """Extend asks the approvers again, keeps the grant's id, and moves its end by what was asked for."""
    maya, priya = life.person("maya"), life.person("priya")
    life.granted(maya, "production-readonly 30m longer please")
    before = life.grants()[-1]
    answer = maya.command("/my-access").answers[0]
    maya.click(answer, "Extend")
    maya.open_view()
    maya.fill({"Duration": "30m", "Reason": "still at it"})
    assert maya.submit() == {}
    card = priya.wait_for_message("approvals", "still at it", timeout=15)
    priya.click(card, "Approve")
    maya.wait_for_message("dm", "until", timeout=15)
    life.wait("a later end", lambda: life.grants()[-1]["expires_at"] != before["expires_at"])
    after = life.grants()[-1]
    assert after["id"] == before["id"]
    moved = datetime.fromisoformat(after["expires_at"]) - datetime.fromisoformat(before["expires_at"])
    assert moved.total_seconds() == 1800


def test_a_pending_request_is_cancelled(life: Life) -> None:
    """Cancel in /my-access closes a pending request, and its card says so."""
    maya = life.person("maya")
    life.ask(maya, "staging-admin 30m changed my mind")
    answer = maya.command("/my-access").answers[0]
    maya.click(answer, "Cancel")
    life.person("priya").wait_for_message("approvals", "changed my mind", "ancelled", timeout=15)
    assert life.requests()[-1]["state"] == "cancelled"


def test_a_guest_gets_nothing(life: Life) -> None:
    """A guest's request reaches no approver; the guest alone is told why."""
    gabe = life.person("gabe")
    assert gabe.command("/request-aws", "staging-admin 30m a guest asks").ok
    gabe.wait_for_ephemeral("Guests", timeout=15)
    priya = life.person("priya")
    assert not [m for m in priya.messages("approvals") if "a guest asks" in priya.read(m)]
    assert life.requests()[-1]["state"] == "denied"


def test_a_standing_member_stays(life: Life) -> None:
    """Who was in the group before asking is in it afterwards, on both sides."""
    ines = life.person("ines")
    life.granted(ines, "production-readonly 5s standing member", approver="priya")
    life.wait("the end", lambda: life.grants()[-1]["state"] == "revoked")
    assert all("ines@example.com" in side for side in life.members("production-readonly"))


def test_a_replay_changes_nothing(life: Life) -> None:
    """The same signed delivery once more is acknowledged, and makes no second request."""
    noah = life.person("noah")
    life.ask(noah, "data-analyst 30m only once")
    before = len(life.requests())
    assert life.box.workspace.redeliver().status == 200
    assert len(life.requests()) == before


def test_nothing_that_was_sent_lacked_a_plain_text(life: Life) -> None:
    """Every message of this whole module had a fallback and kept Slack's limits."""
    assert life.box.workspace.warnings == []
