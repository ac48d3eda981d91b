"""Speaking through the real client: updates, degradation, and errors with a name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from accessbot.domain.errors import NotAuthorised, Rejected, Unavailable
from accessbot.domain.model import MessageRef, RemarkKind
from accessbot.domain.notices import Alert, AlertKind, Answer, Card, NoticeKind, Nudge, Tone
from accessbot.sandbox.slack import Actor, Workspace
from accessbot.slack.blocks import Message
from accessbot.slack.client import SlackClient, UnknownAddress, is_loopback
from accessbot.slack.failures import OPERATOR, TRANSIENT, classify, code_of
from accessbot.slack.notifier import SlackNotifier
from accessbot.slack.place import Place
from tests.slack.harness import ALERTS, APPROVALS, MAYA, PRIYA, entitlement
from tests.slack.shapes import NOON, approved, grant, remark, request
from tests.slack.test_notices import notice
from tests.slack.test_threads_and_reviews import CASES as REVIEWS

CARD = Card(request=request(), entitlement=entitlement(), approvals=1, now=NOON)


@dataclass
class Voice:
    """A notifier and the workspace it speaks in."""

    slack: Workspace
    notifier: SlackNotifier

    def read(self, person: str, channel: str) -> list[str]:
        """Read a channel as a person."""
        actor = Actor(self.slack, person)
        there = actor.dms() if channel == "dm" else actor.messages(channel)
        return [actor.read(message) for message in there]


@pytest.fixture
def voice() -> Iterator[Voice]:
    """Open a workspace for one test."""
    with Workspace() as slack:
        client = SlackClient(slack.bot_token, slack.api_url, timeout=1)
        yield Voice(slack, SlackNotifier(client, APPROVALS, ALERTS))
        assert not slack.warnings


def test_a_card_is_posted_once_and_then_changed(voice: Voice) -> None:
    """The first call posts, the next ones update the same message."""
    refs = voice.notifier.show_card(CARD, ())
    assert voice.notifier.show_card(replace(CARD, request=approved()), refs) == refs
    (shown,) = voice.read(PRIYA, "approvals")
    assert "Approved by @priya" in shown


def test_a_card_that_was_deleted_is_posted_anew(voice: Voice) -> None:
    """A message that is gone is replaced by a new one, and its reference is the new one's."""
    gone = MessageRef(channel=APPROVALS, ts="1.000001")
    (ref,) = voice.notifier.show_card(CARD, (gone,))
    assert ref != gone
    assert len(voice.read(PRIYA, "approvals")) == 1


def test_a_card_follows_to_another_channel(voice: Voice) -> None:
    """A copy in a channel that is gone is posted where cards go now; trouble with that channel itself is told."""
    (ref,) = voice.notifier.show_card(CARD, (MessageRef(channel="C404", ts="1.000001"),))
    assert ref.channel == APPROVALS
    voice.slack.outages.error("chat.update", "not_in_channel", times=1)
    with pytest.raises(NotAuthorised):
        voice.notifier.show_card(CARD, (ref,))


def test_every_copy_is_brought_up_to_date(voice: Voice) -> None:
    """All copies of a card change together."""
    refs = voice.notifier.show_card(CARD, ()) + voice.notifier.show_card(CARD, ())
    assert voice.notifier.show_card(replace(CARD, request=approved()), refs) == refs
    assert all("Approved by @priya" in text for text in voice.read(PRIYA, "approvals"))


def test_alerts_are_one_message_that_changes(voice: Voice) -> None:
    """An alert is posted once, updated, and never posted when it is over already."""
    alert = Alert(kind=AlertKind.MAPPING_WRONG, subject="g", headline="Wrong", action="Fix it.", since=NOON, now=NOON)
    assert voice.notifier.alert(replace(alert, resolved=True), ()) == ()
    refs = voice.notifier.alert(alert, ())
    assert voice.notifier.alert(replace(alert, resolved=True), refs) == refs
    (shown,) = voice.read(PRIYA, "alerts")
    assert "Over: Wrong" in shown


def test_pings_and_remarks_stand_in_the_thread(voice: Voice) -> None:
    """Who is to decide is called below the card, and what is asked and answered stands there too."""
    refs = voice.notifier.show_card(CARD, ())
    asked = remark(RemarkKind.QUESTION, PRIYA, "Which queue?")
    voice.notifier.nudge(Nudge(request=request(), people=(PRIYA,), usergroups=("S01SRE",), now=NOON), refs)
    voice.notifier.remark(request(), asked, refs)
    voice.notifier.nudge(Nudge(request=request(), people=(PRIYA,), now=NOON), ())
    there = Actor(voice.slack, PRIYA).messages("approvals")
    assert [message.get("thread_ts") for message in there[1:]] == [refs[0].ts, refs[0].ts]
    assert "a decision waits for you" in voice.read(PRIYA, "approvals")[1]
    assert "Which queue?" in voice.read(PRIYA, "approvals")[2]


def test_a_thread_that_is_gone_gets_a_message_of_its_own(voice: Voice) -> None:
    """A ping whose card was deleted is posted all the same; other trouble has its name."""
    gone = (MessageRef(channel=APPROVALS, ts="1.000001"),)
    nudge = Nudge(request=request(), people=(PRIYA,), now=NOON)
    voice.slack.outages.error("chat.postMessage", "thread_not_found", times=1)
    voice.notifier.nudge(nudge, gone)
    assert "a decision waits for you" in voice.read(PRIYA, "approvals")[-1]
    voice.slack.outages.error("chat.postMessage", "msg_too_long", times=1)
    with pytest.raises(Rejected):
        voice.notifier.nudge(nudge, gone)


def test_an_emergency_is_one_loud_message_with_reminders_below(voice: Voice) -> None:
    """It is posted to the operators' channel, changes in place, and its owners are reminded in its thread."""
    refs = voice.notifier.show_review(REVIEWS["running"], ())
    assert voice.notifier.show_review(REVIEWS["over"], refs) == refs
    voice.notifier.remind_review(REVIEWS["over"], refs)
    loud, reminder = voice.read(PRIYA, "alerts")
    assert "Emergency access" in loud
    assert "Not justified" in loud
    assert "still waits for its review" in reminder
    assert not voice.read(PRIYA, "approvals")


def test_a_notice_is_a_direct_message(voice: Voice) -> None:
    """The requester alone reads a notice."""
    voice.notifier.tell(MAYA, notice(NoticeKind.READY, approved(), grant()))
    assert "Your access is ready" in voice.read(MAYA, "dm")[0]
    assert not voice.read(PRIYA, "dm")


def test_an_answer_is_seen_by_one_person_where_they_pressed(voice: Voice) -> None:
    """An answer is ephemeral in the channel; nobody else sees it."""
    voice.notifier.answer(PRIYA, Answer(tone=Tone.REFUSED, sentence="Not you & <them>."), Place(APPROVALS).pack())
    (shown,) = Actor(voice.slack, PRIYA).ephemerals("approvals")
    assert "Not you & <them>." in Actor(voice.slack, PRIYA).read(shown)
    assert not Actor(voice.slack, "U04TOMAS").ephemerals("approvals")


@pytest.mark.parametrize("trouble", ["unknown_method", "user_not_in_channel", "channel_not_found"])
def test_an_answer_finds_another_way(voice: Voice, trouble: str) -> None:
    """Where no ephemeral message can be posted the person reads it in a direct message."""
    voice.slack.outages.error("chat.postEphemeral", trouble)
    place = Place(APPROVALS, f"{voice.slack.url}/response/spent")
    voice.notifier.answer(PRIYA, Answer(tone=Tone.DONE, sentence="Done."), place.pack())
    assert any("Done." in text for text in voice.read(PRIYA, "dm"))


@pytest.mark.parametrize("packed", ["", "{", "[]", '"x"', '{"c": 5}', "null"])
def test_an_answer_without_a_readable_place_goes_direct(voice: Voice, packed: str) -> None:
    """Whatever became of the place, the person hears."""
    voice.notifier.answer(MAYA, Answer(tone=Tone.NOT_NOW, sentence="Later."), packed)
    assert any("Later." in text for text in voice.read(MAYA, "dm"))


def test_nothing_is_sent_to_an_address_that_is_not_slacks(voice: Voice) -> None:
    """An address for answers elsewhere is not called; the person hears another way."""
    place = Place("", "https://evil.example/steal")
    voice.notifier.answer(MAYA, Answer(tone=Tone.DONE, sentence="Done."), place.pack())
    assert voice.read(MAYA, "dm")
    client = SlackClient("xoxb-x", "https://slack.com/api/")
    for url in (
        "http://hooks.slack.com/x",
        "https://hooks.slack.com.evil.example/x",
        "http://127.0.0.1/x",
        "file:///x",
    ):
        with pytest.raises(UnknownAddress):
            client.respond(url, Message("text", []))


def test_a_person_who_cannot_be_written_to_is_not_an_operators_trouble(voice: Voice) -> None:
    """A deactivated person's message is refused for that person alone, not taken for a broken set-up."""
    voice.slack.edit_person(MAYA, deleted=True)
    with pytest.raises(Rejected):
        voice.notifier.tell(MAYA, notice(NoticeKind.READY, approved(), grant()))


def test_trouble_has_a_name(voice: Voice) -> None:
    """Down, slow, limited, forbidden and misconfigured are told apart, with what to do."""
    voice.slack.outages.down(times=1)
    with pytest.raises(Unavailable):
        voice.notifier.show_card(CARD, ())
    voice.slack.outages.latency(1.5, "chat.postMessage", times=1)
    with pytest.raises(Unavailable):
        voice.notifier.show_card(CARD, ())
    voice.slack.outages.rate_limit("chat.postMessage", retry_after=3, times=1)
    with pytest.raises(Unavailable) as slow:
        voice.notifier.show_card(CARD, ())
    assert slow.value.retry_after is not None
    assert slow.value.retry_after.total_seconds() == 3
    client = SlackClient(voice.slack.bot_token, voice.slack.api_url)
    with pytest.raises(NotAuthorised, match="invite"):
        SlackNotifier(client, "C404", ALERTS).show_card(CARD, ())
    with pytest.raises(NotAuthorised, match="SLACK_BOT_TOKEN"):
        SlackNotifier(SlackClient("xoxb-wrong", voice.slack.api_url), APPROVALS, ALERTS).show_card(CARD, ())


def test_a_slack_that_cannot_update_gets_a_new_message(voice: Voice) -> None:
    """Where chat.update is unknown the news is posted as a message of its own."""
    refs = voice.notifier.show_card(CARD, ())
    voice.slack.outages.unknown("chat.update")
    newer = voice.notifier.show_card(replace(CARD, request=approved()), refs)
    assert newer != refs
    assert "Approved by @priya" in voice.read(PRIYA, "approvals")[-1]


def test_the_table_of_codes_has_one_meaning_each() -> None:
    """No code is both passing and an operator's; anything unknown is retried or told, never an answer."""
    assert not TRANSIENT & set(OPERATOR)
    assert isinstance(classify("x", OSError("gone")), Unavailable)
    assert code_of(OSError()) == ""


def test_loopback_never_goes_through_a_proxy(voice: Voice, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment is for the world outside, not for this very machine."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    client = SlackClient(voice.slack.bot_token, voice.slack.api_url)
    SlackNotifier(client, APPROVALS, ALERTS).show_card(CARD, ())
    assert client.proxy is None
    assert SlackClient("xoxb-x", "https://slack.com/api/").proxy == "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:3/api/", True),
        ("http://localhost/api/", True),
        ("http://[::1]/", True),
        ("https://slack.com/api/", False),
        ("https://127.0.0.1.evil.example/", False),
        ("nonsense", False),
    ],
)
def test_this_machine_is_told_from_others(url: str, local: bool) -> None:  # noqa: FBT001 - a column of the table
    """Only real loopback addresses count as this machine."""
    assert is_loopback(url) is local


def test_a_place_is_packed_small_and_reads_back() -> None:
    """A place fits into 1,500 characters, dropping the address if it must, and reads back with its extras."""
    place = Place("C1", "https://hooks.slack.com/" + "x" * 100, "1.2")
    assert Place.unpack(place.pack(subject="r_1")) == (place, {"subject": "r_1"})
    huge = Place("C1", "https://hooks.slack.com/" + "x" * 5000).pack()
    assert Place.unpack(huge) == (Place("C1"), {})
