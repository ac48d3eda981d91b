"""Attacks by words: free text that tries to pass for ours, to mention people, or to be somebody else's."""

from __future__ import annotations

import pytest

from accessbot.cli import revoking
from accessbot.slack.text import escape, quoted


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\u2028", "\u2029", "\v", "\f", "\x85", "\x1c"])
def test_no_line_of_a_reason_stands_outside_its_quotation(end: str) -> None:
    """Whatever a client takes for the end of a line, what follows it is marked as quoted, or goes on in the line."""
    shown = quoted(f"INC-42{end}*State*{end}Approved by everybody")
    assert all(line.startswith("> ") for line in shown.splitlines())


@pytest.mark.parametrize(
    "text", ["<!channel>", "<@U0PRIYA>", "<https://evil.example|ready>", "<!here|x>", "&lt;!channel&gt;"]
)
def test_free_text_mentions_nobody_and_links_nowhere(text: str) -> None:
    """The characters with which Slack begins a mention or a link never reach it unescaped."""
    shown = escape(text)
    assert "<" not in shown
    assert ">" not in shown


def test_an_operator_cannot_act_under_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The audit log has the account that ran the command, not what the environment says."""
    told = revoking.operator()
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "alice")
    assert revoking.operator() == told


def test_an_operator_without_an_account_is_named_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container with a user id of its own a revoke works, and says who it was."""
    monkeypatch.setattr("os.getuid", lambda: 987_654_321)
    monkeypatch.delenv("LOGNAME", raising=False)
    monkeypatch.delenv("USER", raising=False)
    assert revoking.operator() == "cli:987654321"
