"""What people do in a round, each scene in a thread of its own, and what other tools do to the same memberships."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from accessbot.domain.errors import AccessbotError
from accessbot.domain.model import Grant, GrantState, RequestState
from accessbot.sandbox.aws_store import AwsError
from accessbot.sandbox.google_model import DirectoryError
from tests.chaos.evidence import Place
from tests.chaos.people import Card, Person, find_card
from tests.chaos.plan import ALWAYS_STANDING, Scene
from tests.chaos.stage import SYNC, Stage

_LONG_S: Final = 600
_REST: Final = 3 * SYNC
_LAST_MOMENT: Final = timedelta(seconds=6)  # left for reads that lag, so that the last look can see it
_SOMETIMES: Final = 0.5
_CLI_S: Final = 60.0
_PREPARED_S: Final = 1.5


@dataclass(slots=True)
class Play:
    """One scene being played."""

    stage: Stage
    people: dict[str, Person]
    scene: Scene
    name: str

    @property
    def who(self) -> Person:
        """Give the requester."""
        return self.people[self.scene.who]

    @property
    def approver(self) -> Person:
        """Give the first approver."""
        return self.people[self.scene.approvers[0]]

    @property
    def other(self) -> Person:
        """Give another approver."""
        return self.people[self.scene.approvers[1]] if len(self.scene.approvers) > 1 else self.people["ines"]

    def place(self, side: str) -> Place:
        """Give a side of the pair that the scene is about."""
        return Place(side, f"aws-{self.scene.entitlement}@example.com", f"{self.scene.who}@example.com")

    def ask(self, seconds: int | None = None, more: str = "") -> Card:
        """Ask for what the scene is about."""
        return self.who.ask(self.scene.entitlement, seconds or self.scene.seconds, f"{self.name}{more}")

    def until(self, card: Card, *states: GrantState, most: float | None = None) -> Grant | None:
        """Wait until the grant of a request is in one of some states; None when there will never be one."""
        found: list[Grant] = []

        def look() -> bool:
            request = self.stage.request(card.request)
            if request is None or request.state is RequestState.PENDING:
                return False
            grant = self.stage.grant(request.grant_id) if request.grant_id else None
            if grant is not None and grant.state in states:
                found.append(grant)
            return bool(found) or not request.grant_id

        self.stage.wait(f"{card.request} to be {' or '.join(states)}", look, most)
        return found[0] if found else None

    def active(self, card: Card) -> Grant | None:
        """Wait until the grant is active, or past that."""
        return self.until(card, *(state for state in GrantState if state is not GrantState.PROVISIONING))

    def ended(self, card: Card) -> Grant | None:
        """Wait until the grant has ended."""
        return self.until(card, GrantState.REVOKED, GrantState.PROVISION_FAILED)


def plain(play: Play) -> None:
    """Ask, be approved, and let the time run out."""
    play.approver.decide(play.ask())


def overlap(play: Play) -> None:
    """Hold two grants on one group; one ends by itself, the other by hand, before or after it."""
    card = play.ask()
    other = play.ask(_LONG_S, "-long")
    with ThreadPoolExecutor(2) as both:
        list(both.map(play.approver.decide, (card, other)))
    if play.scene.luck < _SOMETIMES:
        play.ended(card)
    else:
        play.active(other)
    play.who.end(other)


def relay(play: Play) -> None:
    """Let one grant end at the very moment at which another one on the same group is approved."""
    card = play.ask(_LONG_S)
    play.approver.decide(card)
    play.active(card)
    other = play.ask(play.scene.seconds + 1, "-next")
    approval = threading.Thread(target=play.approver.decide, args=(other,), name=f"{play.name}-next")
    approval.start()
    time.sleep(play.scene.luck * _PREPARED_S)
    play.who.end(card)
    approval.join()


def early(play: Play) -> None:
    """End one's own access, sometimes before it is there."""
    card = play.ask(_LONG_S)
    play.approver.decide(card)
    if play.scene.luck < _SOMETIMES:
        play.active(card)
    play.who.end(card)


def revoke(play: Play) -> None:
    """Have an approver take it away, sometimes two at once."""
    card = play.ask(_LONG_S)
    play.approver.decide(card)
    play.active(card)
    if play.scene.luck < _SOMETIMES:
        play.approver.revoke(card)
        return
    with ThreadPoolExecutor(2) as both:
        list(both.map(lambda person: person.revoke(card), (play.approver, play.other)))


def deny(play: Play) -> None:
    """Have it denied with a reason."""
    play.approver.deny(play.ask(), f"no {play.name}")


def quorum(play: Play) -> None:
    """Ask for what takes two; the first one presses twice before the second one comes."""
    card = play.ask()
    play.approver.decide(card)
    play.approver.press(card, "Approve")
    play.other.decide(card)


def double(play: Play) -> None:
    """Have two approvers press at the same moment, sometimes one of them *Deny*."""
    card = play.ask()
    if play.scene.luck < _SOMETIMES:
        second: Callable[[], object] = lambda: play.other.decide(card)  # noqa: E731 - the other branch has its name
    else:
        second = lambda: play.other.deny(card, f"no {play.name}")  # noqa: E731 - as above
    thread = threading.Thread(target=second, name=f"{play.name}-second")
    thread.start()
    play.approver.decide(card)
    thread.join()


def extend(play: Play) -> None:
    """Ask for more time while it runs; it is approved in time or too late, and then ended by hand."""
    card = play.ask(play.scene.seconds + 3)
    play.approver.decide(card)
    if play.active(card) is None:
        return
    words = f"more {play.name}"
    if play.who.extend(card, words):
        play.stage.wait("the card", lambda: _decided_on(play, words), most=8)
    grant = play.until(card, GrantState.ACTIVE, most=0.0)
    if grant is not None and grant.extension_ids:
        play.who.end(card)


def _decided_on(play: Play, words: str) -> bool:
    card = find_card(play.stage, words)
    if card is not None:
        play.approver.decide(card)
    return card is not None


def replay(play: Play) -> None:
    """Send everything that Slack delivered lately once more, byte for byte, while it is being done."""
    card = play.ask()
    play.approver.decide(card)
    for delivery in play.stage.box.workspace.deliveries[-6:]:
        play.stage.box.workspace.redeliver(delivery)


def cancel(play: Play) -> None:
    """Withdraw the request while an approver says yes."""
    card = play.ask()
    thread = threading.Thread(target=play.who.cancel, args=(card,), name=f"{play.name}-cancel")
    thread.start()
    if play.scene.luck < _SOMETIMES:
        play.approver.decide(card)
    thread.join()
    play.approver.decide(card)


def standing(play: Play) -> None:
    """Be a member before on one side or both; the access comes and goes, the membership stays."""
    sides = ("google", "aws") if play.scene.luck < _SOMETIMES else (("google",) if play.scene.luck < 0.8 else ("aws",))
    added = [side for side in sides if _rested(play) and add(play.stage, play.place(side), "admin")]
    card = play.ask()
    play.approver.decide(card)
    play.ended(card)
    for side in added:
        remove(play.stage, play.place(side), "admin")


def operator(play: Play) -> None:
    """Have an operator revoke it on the command line."""
    card = play.ask(_LONG_S)
    play.approver.decide(card)
    grant = play.active(card)
    script = Path(sys.executable).parent / "accessbot"
    for _ in play.stage.tries("an operator's revoke"):
        if grant is None or play.until(card, GrantState.REVOKED, GrantState.PROVISION_FAILED, most=0.0):
            return
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(
                [str(script), "grants", "revoke", grant.id, "--timeout", "10s"],
                env=play.stage.box.environment,
                capture_output=True,
                timeout=_CLI_S,
                check=False,
            )


def put_back(play: Play) -> None:
    """Let another tool put the membership back after the end, on one side."""
    card = play.ask()
    play.approver.decide(card)
    play.ended(card)
    time.sleep(play.scene.luck)
    side = "aws" if play.scene.luck < _SOMETIMES else "google"
    if not _others(play):
        add(play.stage, play.place(side), "another tool")


def put_back_late(play: Play) -> None:
    """Let another tool put the membership back at any time within two sync periods after the end."""
    card = play.ask()
    play.approver.decide(card)
    grant = play.ended(card)
    if grant is not None and grant.google_user_id:
        side = "aws" if play.scene.luck < _SOMETIMES else "google"
        delay = play.scene.luck * (2 * SYNC - _LAST_MOMENT).total_seconds()
        play.stage.later(delay, lambda: _if_unused(play, side))


def _if_unused(play: Play, side: str) -> None:
    """Put a membership back unless the pair is in use again, or its last end long ago."""
    place, now = play.place(side), datetime.now(UTC)
    play.stage.gather()
    grants = [
        g for g in play.stage.evidence.grants.values() if (g.google_group, g.email) == (place.group, place.member)
    ]
    recent = any(g.ended_at is not None and now - g.ended_at < 2 * SYNC - _LAST_MOMENT for g in grants)
    if recent and all(g.ended for g in grants) and add(play.stage, place, "another tool"):
        play.stage.counted("put back late")


def taken_away(play: Play) -> None:
    """Let another tool take the membership away while the grant runs."""
    card = play.ask(play.scene.seconds + 2)
    play.approver.decide(card)
    if play.active(card) is not None:
        remove(play.stage, play.place("aws" if play.scene.luck < _SOMETIMES else "google"), "another tool")


def add(stage: Stage, place: Place, by: str) -> bool:
    """Add somebody behind accessbot's back; give False when they are a member already."""
    world = stage.box.world
    try:
        if place.side == "google":
            world.google.directory.insert_member(place.group, email=place.member, by=by)
        else:
            world.aws.add_member(place.group.partition("@")[0], place.member, by=by)
    except (DirectoryError, AwsError):
        return False
    stage.note(f"{by} adds {place}")
    return True


def remove(stage: Stage, place: Place, by: str) -> None:
    """Remove somebody behind accessbot's back; nothing happens when they are no member."""
    world = stage.box.world
    with suppress(DirectoryError, AwsError):
        if place.side == "google":
            world.google.directory.drop_member(place.group, place.member, by=by)
        else:
            world.aws.remove_member(place.group.partition("@")[0], place.member, by=by)
        stage.note(f"{by} removes {place}")


def _rested(play: Play) -> bool:
    """Tell whether a pair was unused for so long that who is a member now stands there by right."""
    if (play.scene.who, play.scene.entitlement) == ALWAYS_STANDING:
        return False
    place, now = play.place("google"), datetime.now(UTC)
    grants = list(play.stage.evidence.grants.values())
    used = [g for g in grants if (g.google_group, g.email) == (place.group, place.member)]
    return all(g.ended_at is not None and now - g.ended_at > _REST for g in used)


def _others(play: Play) -> bool:
    """Tell whether the pair has grants that run still; what another tool does then is another scene."""
    found: list[bool] = []

    def look() -> bool:
        with suppress(AccessbotError):
            held = play.stage.box.store.grants_of(play.who.id)
            found.append(any(grant.entitlement == play.scene.entitlement for grant in held))
        return bool(found)

    play.stage.wait("the store", look)
    return found[0]


SCENES: Final[dict[str, Callable[[Play], None]]] = {
    "plain": plain,
    "overlap": overlap,
    "relay": relay,
    "early": early,
    "revoke": revoke,
    "deny": deny,
    "quorum": quorum,
    "double": double,
    "extend": extend,
    "replay": replay,
    "cancel": cancel,
    "standing": standing,
    "operator": operator,
    "put-back": put_back,
    "put-back-late": put_back_late,
    "taken-away": taken_away,
}
