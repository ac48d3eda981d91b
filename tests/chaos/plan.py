"""What happens in a round, drawn from the seed alone: the same seed and number always give the same round."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

PEOPLE: Final = ("maya", "noah", "ines", "tomas", "priya")
APPROVERS: Final = {
    "production-admin": ("priya", "tomas"),
    "production-readonly": ("priya", "tomas", "ines"),
    "staging-admin": ("priya", "tomas", "ines"),
    "data-analyst": ("priya", "tomas", "ines"),
    "payments-admin": ("priya", "tomas", "ines"),
}
TWO_PEOPLE: Final = "payments-admin"
STANDING: Final = "production-readonly"
"""The entitlement whose pairs are only used with somebody who was a member before; each about once in a minute."""

ALWAYS_STANDING: Final = ("ines", STANDING)
"""Who is a member of that group from the beginning."""

SCENES: Final = {
    "plain": 4,
    "overlap": 4,
    "relay": 4,
    "early": 3,
    "revoke": 3,
    "deny": 2,
    "quorum": 3,
    "double": 3,
    "extend": 2,
    "replay": 2,
    "cancel": 2,
    "standing": 3,
    "operator": 1,
    "put-back": 2,
    "put-back-late": 3,
    "taken-away": 2,
}
"""What people and other tools do, and how often."""

TROUBLES: Final = {
    "kill web": 2,
    "kill web server": 1,
    "kill worker supervisor": 3,
    "kill workers": 4,
    "kill clock supervisor": 1,
    "kill clocks": 2,
    "kill everything": 2,
    "stop worker": 1,
    "kill in a call": 8,
    "freeze in a call": 5,
    "freeze workers": 2,
    "freeze clocks": 1,
    "freeze web": 1,
    "kill redis": 4,
    "freeze redis": 3,
    "google refuses": 3,
    "google over quota": 2,
    "google loses answers": 4,
    "google drops": 1,
    "google silent": 1,
    "google garbles": 1,
    "google slow": 2,
    "google late": 2,
    "google lags": 4,
    "aws refuses": 3,
    "aws throttles": 2,
    "aws loses answers": 4,
    "aws drops": 1,
    "aws silent": 1,
    "aws slow": 2,
    "aws late": 2,
    "sync": 6,
    "slack down": 2,
    "slack limits": 2,
    "slack fails": 2,
    "slack slow": 1,
}
"""What goes wrong, and how often."""

CALLS: Final = (
    "google.members.insert",
    "google.members.delete",
    "google.members.get",
    "aws.identitystore.CreateGroupMembership",
    "aws.identitystore.DeleteGroupMembership",
    "aws.identitystore.GetGroupMembershipId",
)
"""The calls in whose middle the caller is killed or frozen."""

_CALM: Final = 0.1
"""The share of rounds in which nothing goes wrong."""

_LONG_FREEZE: Final = 0.3
"""The share of frozen callers that stay so for longer than any lease is held."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What somebody does from `at` (seconds into the round) on. `luck` (0 to 1) is for whatever else is open."""

    at: float
    kind: str
    who: str
    entitlement: str
    seconds: int
    approvers: tuple[str, ...]
    luck: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong at `at`, for how many `seconds`; `call` and `luck` say where exactly."""

    at: float
    kind: str
    seconds: float
    call: str
    luck: float


@dataclass(frozen=True, slots=True)
class Round:
    """One round."""

    number: int
    scenes: tuple[Scene, ...]
    troubles: tuple[Trouble, ...]


def draw(seed: int, number: int) -> Round:
    """Draw a round."""
    chance = Random(f"{seed}/{number}")  # noqa: S311 - draws that can be repeated, not secrets
    pairs = [(who, what) for who in PEOPLE for what in APPROVERS if what not in (STANDING, TWO_PEOPLE)]
    chance.shuffle(pairs)
    scenes = tuple(_scene(chance, number, pairs) for _ in range(chance.choice((3, 4, 4, 5))))
    calm = chance.random() < _CALM
    troubles = () if calm else tuple(_trouble(chance) for _ in range(chance.choice((2, 3, 3, 4))))
    return Round(number, scenes, tuple(sorted(troubles, key=lambda t: t.at)))


def _scene(chance: Random, number: int, pairs: list[tuple[str, str]]) -> Scene:
    kind = chance.choices(tuple(SCENES), tuple(SCENES.values()))[0]
    who, what = pairs.pop()
    if kind == "quorum":
        what = TWO_PEOPLE
    if kind == "standing":
        who, what = PEOPLE[number % len(PEOPLE)], STANDING
    approvers = [name for name in APPROVERS[what] if name != who]
    chance.shuffle(approvers)
    seconds = chance.choice((1, 2, 3, 4))
    return Scene(round(chance.uniform(0, 1.5), 2), kind, who, what, seconds, tuple(approvers), chance.random())


def _trouble(chance: Random) -> Trouble:
    kind = chance.choices(tuple(TROUBLES), tuple(TROUBLES.values()))[0]
    at, seconds = chance.uniform(0.3, 3.5), chance.uniform(0.3, 2.5)
    if kind == "freeze in a call":
        seconds = chance.uniform(9.0, 11.0) if chance.random() < _LONG_FREEZE else chance.uniform(1.0, 4.0)
    if kind == "google lags":
        seconds = chance.uniform(2.0, 4.0)
    return Trouble(round(at, 2), kind, round(seconds, 2), chance.choice(CALLS), chance.random())
