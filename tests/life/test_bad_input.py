"""What is typed, pressed or sent wrongly, through real processes: told to whoever did it, and nothing comes of it."""

from __future__ import annotations

import http.client
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import pytest

from accessbot.sandbox.slack import Flaw
from accessbot.sandbox.slack.delivery import sign
from accessbot.sandbox.slack.errors import Refused

if TYPE_CHECKING:
    from accessbot.sandbox.slack.actor import Actor
    from tests.life.conftest import Life

FORM = "application/x-www-form-urlencoded"


def typed(life: Life, who: Actor, words: str) -> str:
    """Type a request that cannot be taken as it is; give what the form says to it, and close that form."""
    before = len(list(life.box.store.requests()))
    assert who.command("/request-aws", words).ok
    who.open_view()
    said = who.view_text()
    who.close()
    assert len(list(life.box.store.requests())) == before
    return said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("prodction-admin 30m mistyped", "production-admin"),
        ("zzz 30m nothing like it", "There is no “zzz”"),
        ("staging-admin no duration said", "for how long"),
        ("staging-admin 5x absurd", "is no duration"),
        ("staging-admin 99999999999999999999d absurd", "is no duration"),
        ("staging-admin 0s nothing", "longer than nothing"),
        ("staging-admin 13h more than the policy allows", "at most 12 h"),
        ("staging-admin 1s less than the shortest", "shortest grant is 5 s"),
        ("staging-admin 30m", "why"),
        (f"staging-admin 30m {'x' * 5000}", "1,000 characters"),
    ],
    ids=["near", "unknown", "none", "letters", "digits", "zero", "long", "short", "no reason", "long reason"],
)
def test_a_wrong_line_opens_the_form_that_says_why(life: Life, words: str, said: str) -> None:
    """Whoever types something unacceptable gets a form that names it, and no request is stored."""
    assert said in typed(life, life.person("maya"), words)


@pytest.mark.parametrize(
    ("label", "entered", "said"),
    [
        ("Reason", "   ", "why"),
        ("Duration", "soon", "no duration"),
        ("Duration", "1s", "shortest"),
        ("Duration", "400d", "year"),
    ],
)
def test_a_wrong_entry_is_told_on_its_field(life: Life, label: str, entered: str, said: str) -> None:
    """A form with one wrong entry stays open, with a sentence on that very field, and stores nothing."""
    noah, before = life.person("noah"), len(list(life.box.store.requests()))
    noah.command("/request-aws")
    noah.open_view()
    noah.fill({"Access": "data-analyst", "Duration": "30m", "Reason": "a form", label: entered})
    assert said in noah.submit()[label].casefold()
    noah.close()
    assert len(list(life.box.store.requests())) == before


def test_the_form_takes_no_overlong_reason(life: Life) -> None:
    """Slack itself keeps the reason of the form to its limit; a client that ignores it is refused on the field."""
    noah = life.person("noah")
    noah.command("/request-aws")
    noah.open_view()
    noah.fill({"Access": "data-analyst", "Duration": "30m", "Reason": "x" * 1000})
    noah.submit()
    noah.command("/request-aws")
    noah.open_view()
    noah.fill({"Access": "data-analyst", "Duration": "30m", "Reason": "y" * 5000})
    assert "Reason" in noah.submit()
    noah.close()
    assert [r for r in life.box.store.requests() if r.reason == "x" * 1000]
    assert not [r for r in life.box.store.requests() if r.reason.startswith("y")]


@pytest.mark.parametrize("button", ["Approve", "Deny"])
def test_a_button_of_a_closed_request_does_nothing(life: Life, button: str) -> None:
    """A stale press on a cancelled request is answered privately with what became of it."""
    maya, priya = life.person("maya"), life.person("priya")
    reason = f"cancelled before {button}"
    card = life.ask(maya, f"staging-admin 30m {reason}")
    answer = maya.command("/my-access").answers[0]
    maya.click(answer, "Cancel")
    life.wait("the cancellation", lambda: life.request(reason).state == "cancelled")
    assert priya.click(card, button, stale=True).ok
    if button == "Deny":
        priya.open_view()
        priya.fill({"Reason": "too late"})
        assert "already cancelled" in priya.submit()["Reason"]
        priya.close()
    else:
        priya.wait_for_ephemeral("already cancelled")
    assert not life.grants_for(reason)
    assert life.request(reason).state == "cancelled"


def test_buttons_of_an_ended_grant_do_nothing(life: Life) -> None:
    """Revoke, End access and Extend on what has ended are answered, and change nothing."""
    maya, priya = life.person("maya"), life.person("priya")
    card = life.granted(maya, "data-analyst 20m ended before the press")
    held = maya.command("/my-access").answers[0]
    assert priya.click(card, "Revoke").ok
    priya.wait_for_message("approvals", "ended before the press", "Ended")
    (before,) = life.grants_for("ended before the press")
    assert priya.click(card, "Revoke", stale=True).ok
    priya.wait_for_ephemeral("ended already")
    for button, said in (("End access", "ended already"), ("Extend", "not active any more")):
        assert maya.click(held, button, stale=True).ok
        maya.wait_for_ephemeral(said)
    assert life.grants_for("ended before the press") == [before]


def test_a_denial_needs_a_reason(life: Life) -> None:
    """The form of Deny refuses blanks on its field, and the request stays pending."""
    noah, priya = life.person("noah"), life.person("priya")
    card = life.ask(noah, "production-admin 30m denied without a word")
    priya.click(card, "Deny")
    priya.open_view()
    priya.fill({"Reason": "  "})
    assert "Reason" in priya.submit()
    priya.close()
    assert life.request("denied without a word").state == "pending"


def test_what_is_sent_twice_counts_once(life: Life) -> None:
    """A submitted form and a press that Slack delivers again, as a replay or anew, make no second request or grant."""
    noah, priya = life.person("noah"), life.person("priya")
    noah.command("/request-aws")
    noah.open_view()
    noah.fill({"Access": "staging-admin", "Duration": "30m", "Reason": "submitted twice"})
    assert noah.submit() == {}
    for anew in (False, True):
        assert life.box.workspace.redeliver(anew=anew).status == 200
    card = priya.wait_for_message("approvals", "submitted twice")
    priya.click(card, "Approve")
    press = life.box.workspace.deliveries[-1]
    for anew in (False, True):
        assert life.box.workspace.redeliver(press, anew=anew).status == 200
    priya.wait_for_message("approvals", "submitted twice", "Active until")
    assert len(life.grants_for("submitted twice")) == 1
    assert len([m for m in priya.messages("approvals") if "submitted twice" in priya.read(m)]) == 1
    assert life.audit(life.request("submitted twice").id) == [
        "request.submitted", "request.announced", "request.approved",
    ]  # fmt: skip


def test_every_forgery_is_refused(life: Life) -> None:
    """Without a fresh and right signature nothing is taken; what is signed but senseless is answered, never a 500."""
    requests, audit = len(list(life.box.store.requests())), len(list(life.box.store.audit()))
    expected = {
        Flaw.NO_SIGNATURE: {401},
        Flaw.BAD_SIGNATURE: {401},
        Flaw.CHANGED_BODY: {401},
        Flaw.OLD_TIMESTAMP: {401},
        Flaw.FUTURE_TIMESTAMP: {401},
        Flaw.TEXT_TIMESTAMP: {401},
        Flaw.MALFORMED_PAYLOAD: {400},
        Flaw.EMPTY_BODY: {400},
        Flaw.UNKNOWN_ACTION: {200},
    }
    assert {flaw: life.box.workspace.forge(flaw).status in good for flaw, good in expected.items()} == dict.fromkeys(
        Flaw, True
    )
    assert len(list(life.box.store.requests())) == requests
    assert len(list(life.box.store.audit())) == audit


def test_an_unknown_press_is_answered(life: Life) -> None:
    """A button that this version does not know changes nothing, and who pressed reads so."""
    maya = life.person("maya")
    life.box.workspace.forge(Flaw.UNKNOWN_ACTION)
    life.wait("the answer", lambda: "does not know “no_such_action”" in maya.screen() + life.person("noah").screen())


@pytest.mark.parametrize(
    ("method", "content_type", "size", "status"),
    [
        ("GET", FORM, 0, 405),
        ("PUT", FORM, 2, 405),
        ("POST", "text/plain", 10, 400),
        ("POST", "", 10, 400),
        ("POST", FORM, 1_500_000, 413),
    ],
)
def test_the_door_takes_only_what_slack_sends(
    life: Life, method: str, content_type: str, size: int, status: int
) -> None:
    """Another method, another type or far too large a body is refused at once, though it is rightly signed."""
    body = urlencode({"payload": "x" * size}).encode() if size else b""
    stamp = str(int(time.time()))
    headers = {
        "Content-Type": content_type,
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": sign(life.box.workspace.signing_secret, stamp, body),
    }
    where = urlsplit(str(life.box.workspace.events_url))
    connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=5)
    try:
        connection.request(method, where.path, body, headers)
        assert connection.getresponse().status == status
    finally:
        connection.close()


def test_an_unknown_command_is_slack_s_to_refuse(life: Life) -> None:
    """A command that the manifest does not have never reaches accessbot."""
    before = len(life.box.workspace.deliveries)
    with pytest.raises(Refused):
        life.person("maya").command("/request-gcp", "anything")
    assert len(life.box.workspace.deliveries) == before


def test_no_delivery_of_all_this_failed_or_was_slow(life: Life) -> None:
    """Slack got an answer to every one of these within its three seconds, and the log has no defect in it."""
    answers = [delivery.answer for delivery in life.box.workspace.deliveries]
    assert all(answer is not None and answer.status == 200 and answer.seconds < 3 for answer in answers)
    assert life.box.workspace.warnings == []
    for name in ("web", "worker", "clock"):
        assert "Traceback" not in life.box.processes.tail(name, 100_000)
