"""The cast file, and Slack's markup as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from accessbot.sandbox.slack import load_cast, text_of
from accessbot.sandbox.slack.people import CastError
from accessbot.sandbox.slack.text import view_text

if TYPE_CHECKING:
    from pathlib import Path

BOT = '[[person]]\nid = "UB"\nname = "b"\nreal_name = "B"\nemail = ""\nis_bot = true\n'


def test_the_default_cast_has_everybody_the_rules_are_about() -> None:
    """Requesters, two approvers in the approvals channel, an admin, a guest, a stranger from another team."""
    cast = load_cast()
    roles = [person.role for person in cast.people]
    assert {role: roles.count(role) for role in sorted(set(roles))} == {
        "admin": 1,
        "approver": 2,
        "bot": 1,
        "guest": 1,
        "requester": 2,
        "stranger": 1,
    }
    approvals = next(channel for channel in cast.channels if channel.name == "approvals")
    assert {person.id for person in cast.people if person.role == "approver"} <= set(approvals.members)
    assert all(person.email.endswith("example.com") for person in cast.people if not person.is_bot)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (BOT + "shoe_size = 44\n", "Person UB has no field shoe_size"),
        (BOT + '[[person]]\nid = "UX"\n', "Person UX is incomplete"),
        (BOT + '[[channel]]\nid = "UB"\nname = "x"\n', "UB is used twice"),
        (BOT + '[[channel]]\nid = "C"\nname = "x"\nmembers = ["U1"]\n', "U1 is a member of C but not a person"),
        ("", "exactly one person with is_bot"),
    ],
    ids=["unknown field", "missing field", "same id", "unknown member", "no bot"],
)
def test_a_cast_that_cannot_be_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    """The sentence names the entry and what is wrong."""
    path = tmp_path / "people.toml"
    path.write_text(text)
    with pytest.raises(CastError, match=complaint):
        load_cast(path)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<@U1> and <@U2|bo>", "@ann and @bo"),
        ("<#C1|general> <#C2>", "#general #C2"),
        ("<https://example.com|the role> <https://example.com>", "the role (https://example.com) https://example.com"),
        ("<!date^1732449999^{time}|13:06 UTC>", "13:06 UTC"),
        ("<!here> <!channel> <!subteam^S1|@sre>", "@here @channel @sre"),
        ("&lt;!channel&gt; &amp;lt;", "<!channel> &lt;"),
    ],
    ids=["people", "channels", "links", "dates", "groups", "entities"],
)
def test_markup_as_it_reads(text: str, shown: str) -> None:
    """Mentions, links and dates become what is on the screen; escaped text stays text."""
    assert text_of({"text": text}, {"U1": "ann"}) == shown


def test_blocks_and_forms_as_they_read() -> None:
    """One line a block, buttons in brackets."""

    def plain(text: str) -> dict[str, Any]:
        return {"type": "plain_text", "text": text}

    blocks = [
        {"type": "header", "text": plain("Head <@U1>")},
        {"type": "section", "text": {"type": "mrkdwn", "text": "hi <@U1>"}, "fields": [plain("f")]},
        {"type": "section", "text": plain("s"), "accessory": {"type": "button", "text": plain("Go")}},
        {"type": "context", "elements": [plain("c"), {"type": "image", "alt_text": "logo"}]},
        {"type": "divider"},
        {"type": "image", "alt_text": "picture"},
        {"type": "markdown", "text": "*m*"},
        {"type": "input", "label": plain("Reason"), "hint": plain("why"), "element": {"type": "plain_text_input"}},
        {"type": "input", "label": plain("How"), "element": {"type": "static_select", "placeholder": plain("Choose")}},
    ]
    expected = "Head <@U1>\nhi @ann\nf\ns\n[Go]\nc logo\n---\npicture\n*m*\nReason: (…)\nwhy\nHow: (Choose)"
    assert text_of({"text": "fallback", "blocks": blocks}, {"U1": "ann"}) == expected
    view = {"title": plain("Ask"), "close": plain("Cancel"), "submit": plain("Send"), "blocks": blocks[:1]}
    assert view_text(view) == "Ask\nHead <@U1>\n[Cancel] [Send]"
