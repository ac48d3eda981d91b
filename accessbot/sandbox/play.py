"""The guided minute without a browser: every message, click and membership change, in order, with its time."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TextIO

from accessbot.sandbox.slack.actor import Actor, NothingCameError
from accessbot.sandbox.world import OPENINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from accessbot.sandbox.journal import Change
    from accessbot.sandbox.slack import Workspace
    from accessbot.sandbox.world import World

_ENTITLEMENT: Final = "production-admin"
_DURATION: Final = "8s"
_EMAIL: Final = "maya@example.com"
_READY_S: Final = 15.0
_END_S: Final = 25.0


class StoppedError(Exception):
    """Ctrl-C while it played."""


@dataclass(slots=True)
class _Script:
    """The minute, told line by line as it happens."""

    workspace: Workspace
    world: World
    out: TextIO
    stop: threading.Event
    begun: float = field(default_factory=time.monotonic)
    seen: dict[tuple[str, str], str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, who: str, what: str) -> None:
        first, *rest = what.splitlines() or [""]
        with self.lock:
            print(f"{time.monotonic() - self.begun:7.2f} s  {who:<16}  {first}", file=self.out)
            for line in rest:
                print(f"{'':28}{line}", file=self.out)
            self.out.flush()

    def changed(self, change: Change) -> None:
        where = "Google group" if "@" in change.group else "AWS group"
        self.say(where, f"{change.member} {change.action} — {change.group}")

    def listen(self, actor: Actor, *places: str) -> None:
        """Print each message in these places that is new or has changed."""
        for place in places:
            messages = actor.dms() if place == "dm" else actor.messages(place)
            for message in messages:
                key, text = (place, message["ts"]), actor.read(message)
                if self.seen.get(key) != text:
                    verb = "edited" if key in self.seen else "posted"
                    self.seen[key] = text
                    self.say(f"#{place}" if place != "dm" else "accessbot → Maya", f"[{verb}] {text}")


def play(workspace: Workspace, world: World, out: TextIO, stop: threading.Event) -> int:
    """Play it; give 0 only if the access came and went on both sides, 1 otherwise."""
    script = _Script(workspace, world, out, stop)
    endings = [journal.subscribe(script.changed) for journal in (world.google.directory.journal, world.aws.journal)]
    try:
        _minute(script)
    except (NothingCameError, AssertionError, LookupError) as error:
        script.say("FAILED", str(error))
        return 1
    except StoppedError:
        return 130
    finally:
        for end in endings:
            end()
    script.say("done", "the access came, was usable, and went, on both sides")
    return 0


def _minute(script: _Script) -> None:
    maya, priya = Actor(script.workspace, "U01MAYA"), Actor(script.workspace, "U03PRIYA", channel="approvals")
    line = f"{_ENTITLEMENT} {_DURATION} looking into INC-42: payments fail"
    script.say("Maya", f"/request-aws {line}")
    outcome = maya.command("/request-aws", line)
    for answer in outcome.answers:
        script.say("only for Maya", maya.read(answer))
    card = priya.wait_for_message("approvals", "INC-42", timeout=_READY_S)
    script.listen(priya, "approvals")
    script.say("Priya", "presses Approve")
    priya.click(card, "Approve")
    _follow(script, maya, priya, lambda: _both(script.world), _READY_S, "both memberships")
    _follow(script, maya, priya, lambda: any("console" in maya.read(m) for m in maya.dms()), _READY_S, "the notice")
    _follow(script, maya, priya, lambda: not _either(script.world), _END_S, "the end of both memberships")
    _follow(script, maya, priya, lambda: len(maya.dms()) > 1, _READY_S, "the notice of the end")
    # What is said last may still be on its way to the card.
    _follow(script, maya, priya, lambda: _card_ended(priya), _READY_S, "the card's last state")


def _follow(script: _Script, maya: Actor, priya: Actor, done: Callable[[], object], limit: float, what: str) -> None:
    deadline = time.monotonic() + limit
    while True:
        finished = done()
        script.listen(priya, "approvals")
        script.listen(maya, "dm")
        if finished:
            return
        if script.stop.wait(0.05):
            raise StoppedError
        if time.monotonic() > deadline:
            raise NothingCameError(f"waited {limit:.0f} s for {what}; on Priya's screen:\n{priya.screen()}")


def _sides(world: World) -> tuple[bool, bool]:
    opening = next(o for o in OPENINGS if o.entitlement == _ENTITLEMENT)
    return (
        world.google.directory.is_member(opening.group, _EMAIL),
        world.aws.is_member(opening.aws_group, _EMAIL),
    )


def _both(world: World) -> bool:
    return all(_sides(world))


def _either(world: World) -> bool:
    return any(_sides(world))


def _card_ended(priya: Actor) -> bool:
    return any("ended" in priya.read(message).casefold() for message in priya.messages("approvals"))
