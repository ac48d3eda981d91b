"""The manifest asks for exactly what the code uses: no scope more, no command less."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from accessbot.slack.app import COMMANDS

ROOT = Path(__file__).parents[2]
SCOPES = {
    "auth_test": set(),
    "views_open": set(),
    "views_update": set(),
    "chat_postMessage": {"chat:write"},
    "chat_postEphemeral": {"chat:write"},
    "chat_update": {"chat:write"},
    "users_info": {"users:read", "users:read.email"},
    "users_lookupByEmail": {"users:read.email"},
    "usergroups_users_list": {"usergroups:read"},
}
"""What each Web API method takes (docs.slack.dev/reference/methods); the email of a user takes a scope of its own."""


def manifest() -> dict[str, Any]:
    """Read the manifest."""
    read: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yml").read_text())
    return read


def methods() -> set[str]:
    """List the Web API methods that the code calls."""
    called: set[str] = set()
    for path in (ROOT / "accessbot" / "slack").glob("*.py"):
        called |= set(re.findall(r"client\.([a-z]+_[A-Za-z_]+)\(", path.read_text()))
    return called


def test_every_method_in_use_is_known_here() -> None:
    """A method that is new in the code has to be entered with its scopes."""
    assert methods() == set(SCOPES)


def test_the_scopes_are_exactly_those_in_use() -> None:
    """The bot asks for the scopes of the methods it calls, and `commands`."""
    needed = {"commands"}.union(*(SCOPES[method] for method in methods()))
    assert set(manifest()["oauth_config"]["scopes"]["bot"]) == needed
    assert "user" not in manifest()["oauth_config"]["scopes"]


def test_the_commands_are_exactly_those_with_a_listener() -> None:
    """Every command of the manifest is served, and every served command is in the manifest."""
    assert {command["command"] for command in manifest()["features"]["slash_commands"]} == set(COMMANDS)


def test_people_can_be_written_to() -> None:
    """Direct messages need the app's Messages tab."""
    assert manifest()["features"]["app_home"]["messages_tab_enabled"]


def test_presses_and_type_ahead_are_delivered() -> None:
    """Interactivity is on, and the type-ahead has its address."""
    interactivity = manifest()["settings"]["interactivity"]
    assert interactivity["is_enabled"]
    assert interactivity["message_menu_options_url"] == interactivity["request_url"]
