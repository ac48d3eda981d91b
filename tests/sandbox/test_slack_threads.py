"""Threads and mentions: where answers stand, whom they ping, and who has them unread."""

from __future__ import annotations

from typing import Any

import pytest

from accessbot.sandbox.slack import Actor, Refused, UnknownThing, Workspace
from tests.sandbox.slack_app import client_of

GENERAL, APPROVALS = "C03GENERAL", "C01APPROVALS"
MAYA, NOAH, PRIYA, TOMAS = "U01MAYA", "U02NOAH", "U03PRIYA", "U04TOMAS"


def test_an_answer_stands_in_the_thread_of_what_it_answers(workspace: Workspace, priya: Actor) -> None:
    """The first message tells of its answers, which the history of the channel leaves out."""
    client = client_of(workspace)
    card = client.chat_postMessage(channel=APPROVALS, text="card")["ts"]
    first = client.chat_postMessage(channel=APPROVALS, text="why?", thread_ts=card)
    assert first["message"]["thread_ts"] == card
    said = priya.reply(priya.messages()[0], "because")
    assert said["thread_ts"] == card
    assert [each["text"] for each in priya.replies(priya.messages()[0])] == ["why?", "because"]
    (shown,) = client.conversations_history(channel=APPROVALS)["messages"]
    assert (shown["ts"], shown["thread_ts"], shown["reply_count"]) == (card, card, 2)
    assert shown["reply_users"] == ["U00ACCESSBOT", PRIYA]
    link = client.chat_getPermalink(channel=APPROVALS, message_ts=said["ts"])["permalink"]
    assert link.endswith(f"?thread_ts={card}&cid={APPROVALS}")


def test_an_answer_to_an_answer_goes_into_the_same_thread(workspace: Workspace, priya: Actor) -> None:
    """Threads have one level."""
    client = client_of(workspace)
    card = client.chat_postMessage(channel=APPROVALS, text="card")["ts"]
    answer = client.chat_postMessage(channel=APPROVALS, text="one", thread_ts=card)["ts"]
    client.chat_postMessage(channel=APPROVALS, text="two", thread_ts=answer)
    assert {each["thread_ts"] for each in priya.replies(priya.messages()[0])} == {card}


def test_what_cannot_be_answered(workspace: Workspace, priya: Actor) -> None:
    """Neither a message that is gone nor one that only one person sees has a thread."""
    client = client_of(workspace)
    client.chat_postEphemeral(channel=APPROVALS, user=PRIYA, text="psst")
    with pytest.raises(Refused, match="cannot be answered"):
        priya.reply(priya.ephemerals()[0], "what?")
    with pytest.raises(UnknownThing, match="no longer there"):
        priya.reply({"channel": APPROVALS, "ts": "1.1"}, "what?")


def test_answers_are_unread_for_those_in_the_thread_alone(workspace: Workspace, priya: Actor) -> None:
    """Whoever wrote in a thread or is mentioned in an answer has it unread; the rest of the channel does not."""
    client, tomas = client_of(workspace), Actor(workspace, TOMAS, "approvals")
    card = client.chat_postMessage(channel=APPROVALS, text="card")["ts"]
    priya.reply(priya.messages()[0], "why?")
    for actor in (priya, tomas):
        actor.see()
    client.chat_postMessage(channel=APPROVALS, text="because", thread_ts=card)
    assert [_unread(actor) for actor in (priya, tomas)] == [1, 0]
    client.chat_postMessage(channel=APPROVALS, text=f"<@{TOMAS}>, too", thread_ts=card)
    assert [_unread(actor) for actor in (priya, tomas)] == [2, 1]


@pytest.mark.parametrize(
    ("text", "pinged"),
    [
        ("good morning", []),
        (f"<@{MAYA}> please", [MAYA]),
        (f"<@{MAYA}|maya> and <@{NOAH}>", [MAYA, NOAH]),
        ("<!subteam^S01SRELEADS> please", [PRIYA, TOMAS]),
        ("<!subteam^S01SRELEADS|@sre-leads> please", [PRIYA, TOMAS]),
        ("<!subteam^S404> please", []),
        ("<!here>", [MAYA, NOAH, PRIYA, TOMAS]),
        (f"&lt;@{MAYA}&gt; please", []),
        (f"`<@{MAYA}>` and ```\n<@{NOAH}>\n```", []),
    ],
    ids=["nobody", "one", "two", "group", "named group", "unknown group", "everybody", "escaped", "code"],
)
def test_a_mention_pings(workspace: Workspace, text: str, pinged: list[str]) -> None:
    """People are pinged by id, through their user group or with everybody; escaped text and code ping nobody."""
    workspace.state.channel(GENERAL).members.append("U00ACCESSBOT")
    client_of(workspace).chat_postMessage(channel=GENERAL, text=text)
    assert [user for user in (MAYA, NOAH, PRIYA, TOMAS) if Actor(workspace, user).pings("general")] == pinged


def test_mentions_count_where_they_are_read(workspace: Workspace, priya: Actor) -> None:
    """With blocks their mrkdwn pings and neither the fallback nor plain text; outsiders and edits ping nobody."""
    client = client_of(workspace)
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": f"<@{PRIYA}> and <@{MAYA}>"}},
        {"type": "context", "elements": [{"type": "plain_text", "text": f"<@{TOMAS}>"}]},
    ]
    tomas = Actor(workspace, TOMAS, "approvals")
    ts = client.chat_postMessage(channel=APPROVALS, text=f"<@{TOMAS}>", blocks=blocks)["ts"]
    assert (priya.pings("approvals"), tomas.pings("approvals"), Actor(workspace, MAYA).pings()) == (1, 0, 0)
    client.chat_update(channel=APPROVALS, ts=ts, text=f"<@{TOMAS}>")
    assert tomas.pings("approvals") == 0
    priya.see()
    assert priya.pings() == 0


def test_direct_messages_always_ping(workspace: Workspace, maya: Actor) -> None:
    """What the app writes to one person is for that person."""
    client_of(workspace).chat_postMessage(channel=MAYA, text="ready")
    assert maya.pings("dm") == 1
    assert next(person["pings"] for person in maya.state()["people"] if person["id"] == MAYA) == 1


def test_user_groups_read_by_their_handle(workspace: Workspace, priya: Actor) -> None:
    """A mention of a group reads as its handle."""
    client_of(workspace).chat_postMessage(channel=APPROVALS, text="<!subteam^S01SRELEADS> please")
    assert priya.read(priya.messages()[0]) == "@sre-leads please"


def _unread(actor: Actor) -> int:
    return int(actor.state()["conversations"][0]["unread"])
