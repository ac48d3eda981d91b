"""A whole sandbox for the life tests: real processes, a real Redis, and people who type and press."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from accessbot.domain.model import Grant, Request
from accessbot.sandbox.run import Sandbox, sandbox
from accessbot.sandbox.slack.actor import Actor

Found = TypeVar("Found")
Json = dict[str, Any]
Message = Json

PATIENCE = 15.0
"""Seconds that anything in a life test may take on a busy machine before it counts as failed."""


@dataclass(frozen=True, slots=True)
class Life:
    """A running sandbox, with what the tests look at it through."""

    box: Sandbox

    def person(self, name: str) -> Actor:
        """Be one of the cast: `maya`, `noah`, `priya`, `tomas`, `ines`, `gabe`, `sven`."""
        ids = {each.name: each.id for each in self.box.workspace.state.people()}
        home = "approvals" if name in {"priya", "tomas", "ines"} else "general"
        return Actor(self.box.workspace, ids[name], channel=home)

    def cli(self, *words: str, status: int = 0) -> str:
        """Run the real command line against the sandbox's Redis; give what it printed."""
        script = Path(sys.executable).parent / "accessbot"
        ran = subprocess.run(
            [str(script), *words], env=self.box.environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert ran.returncode == status, f"{words} left with {ran.returncode}: {ran.stderr}\n{ran.stdout}"
        return ran.stdout

    def grants(self) -> list[Json]:
        """List all grants as operators see them."""
        rows: list[Json] = json.loads(self.cli("grants", "list", "--json"))
        return rows

    def requests(self) -> list[Json]:
        """List all requests as operators see them."""
        rows: list[Json] = json.loads(self.cli("requests", "list", "--json"))
        return rows

    def audit(self, subject: str) -> list[str]:
        """List what was done to one request or grant, in order."""
        rows: list[Json] = json.loads(self.cli("audit", "list", "--json"))
        return [str(row["action"]) for row in rows if row["subject"] == subject]

    def request(self, reason: str) -> Request:
        """Give the one request with this reason, as it is stored."""
        (found,) = [request for request in self.box.store.requests() if request.reason == reason]
        return found

    def grants_for(self, reason: str) -> list[Grant]:
        """Give every grant that the request with this reason has led to."""
        request_id = self.request(reason).id
        return [grant for grant in self.box.store.grants() if grant.request_id == request_id]

    def is_in(self, entitlement: str, email: str) -> tuple[bool, bool]:
        """Tell whether somebody is in the group of an entitlement: at Google, and in Identity Center."""
        google, aws = self.members(entitlement)
        return email in google, email in aws

    def members(self, entitlement: str) -> tuple[set[str], set[str]]:
        """Read who is in the group of an entitlement: at Google, and in Identity Center."""
        group = f"aws-{entitlement}@example.com"
        google = self.box.world.google.directory.member_emails(group)
        return google, self.box.world.aws.memberships()[f"aws-{entitlement}"]

    def wait(self, what: str, look: Callable[[], Found], timeout: float = PATIENCE) -> Found:
        """Look until it is true, and give it; fail with what is there otherwise."""
        deadline = time.monotonic() + timeout
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() > deadline:
                logs = "\n".join(f"--- {name}\n{self.box.processes.tail(name)}" for name in ("web", "worker", "clock"))
                screen = self.person("priya").screen()
                pytest.fail(f"waited {timeout:.0f} s for {what}\n{screen}\n{logs}")
            self.box.workspace.state.pulse.wait_beyond(self.box.workspace.state.pulse.seq, 0.05)

    def ask(self, who: Actor, words: str) -> Message:
        """Ask in one line, as somebody; give the approvers' message of it. The reason has to be unlike any other."""
        outcome = who.command("/request-aws", words)
        assert outcome.ok, outcome.error
        reason = words.split(maxsplit=2)[2]
        return self.person("priya").wait_for_message("approvals", reason, timeout=PATIENCE)

    def granted(self, who: Actor, words: str, approver: str = "priya") -> Message:
        """Ask, have it approved, and wait until it is active; give the card."""
        reason = words.split(maxsplit=2)[2]
        card = self.ask(who, words)
        priya = self.person(approver)
        assert priya.click(card, "Approve").ok
        return priya.wait_for_message("approvals", reason, "Active until", timeout=PATIENCE)


@pytest.fixture(scope="module")
def life() -> Iterator[Life]:
    """Run a sandbox for one module of tests."""
    with sandbox() as box:
        yield Life(box)
