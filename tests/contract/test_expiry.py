"""The contract of the port `Expiry`, over the fake and over the real adapter on the Cloud Identity stand-in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from accessbot.adapters.google_auth import anonymous
from accessbot.adapters.google_directory import GoogleDirectory
from accessbot.adapters.google_expiry import GoogleExpiry
from accessbot.domain.errors import Missing, NotAuthorised, Unavailable
from accessbot.domain.model import DirectoryUser
from accessbot.ports import Directory, Expiry
from accessbot.sandbox.google import Directory as Customer
from accessbot.sandbox.google import Google
from tests.fakes.expiry import FakeExpiry
from tests.fakes.vendors import FakeDirectory

OPS = "ops@example.com"
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Rig:
    """Both ports of one customer, one user, and what an administrator and time can do to them.

    `offer` says whether the edition has expiries; `ends` when a membership ends by itself.
    """

    port: Expiry
    directory: Directory
    ada: DirectoryUser
    now: Callable[[], datetime]
    wait: Callable[[timedelta], None]
    offer: Callable[[bool], None]
    down: Callable[[], None]
    up: Callable[[], None]
    lose_next_answer: Callable[[], None]

    def joined(self) -> str:
        """Make the user a member, and give the membership's name."""
        self.directory.add(OPS, self.ada)
        found = self.port.find(OPS, self.ada.email)
        assert found is not None
        return found


def _fake(now: list[datetime]) -> Rig:
    directory = FakeDirectory()
    directory.add_group(OPS)
    expiry = FakeExpiry(directory)

    def wait(by: timedelta) -> None:
        now[0] += by
        expiry.lapse(now[0])

    def offer(offered: bool) -> None:  # noqa: FBT001 - a switch
        expiry.offered = offered

    def down() -> None:
        expiry.fail(times=None)

    def lose() -> None:
        expiry.fail(applied=True)

    return Rig(
        port=expiry,
        directory=directory,
        ada=directory.add_user("ada@example.com"),
        now=lambda: now[0],
        wait=wait,
        offer=offer,
        down=down,
        up=expiry.recover,
        lose_next_answer=lose,
    )


def _real(google: Google, now: list[datetime]) -> Rig:
    google.directory.add_group(OPS)
    made = google.directory.add_user("ada@example.com")

    def wait(by: timedelta) -> None:
        now[0] += by

    def offer(offered: bool) -> None:  # noqa: FBT001 - a switch
        google.directory.premium = offered

    def lose() -> None:
        google.faults.drop("google.*", times=1, applied=True)

    return Rig(
        port=GoogleExpiry(google.url, anonymous(google.url), timedelta(seconds=5)),
        directory=GoogleDirectory(google.url, anonymous(google.url), timedelta(seconds=5)),
        ada=DirectoryUser(id=made.id, email=made.email, suspended=False, archived=False),
        now=lambda: now[0],
        wait=wait,
        offer=offer,
        down=lambda: google.faults.on("google_down"),
        up=google.faults.clear,
        lose_next_answer=lose,
    )


@pytest.fixture(params=["fake", "real"])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """Give each of the two in turn, on a clock that stands still."""
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    if request.param == "fake":
        yield _fake(now)
        return
    with Google(Customer(clock=lambda: now[0])) as google:
        yield _real(google, now)


def test_a_membership_ends_at_its_time_and_not_before(rig: Rig) -> None:
    """With nobody doing anything the membership is there until its end, and not from then on."""
    assert rig.port.end_at(rig.joined(), rig.now() + HOUR)
    rig.wait(HOUR - timedelta(seconds=1))
    assert rig.directory.is_member(OPS, rig.ada.id)
    rig.wait(timedelta(seconds=1))
    assert not rig.directory.is_member(OPS, rig.ada.id)
    assert rig.directory.members(OPS) == ()
    assert rig.port.find(OPS, rig.ada.email) is None


@pytest.mark.parametrize("hours", [0.5, 3])
def test_a_later_word_counts(rig: Rig, hours: float) -> None:
    """An end that is set again moves, to a later or an earlier time."""
    name, began = rig.joined(), rig.now()
    assert rig.port.end_at(name, began + HOUR)
    assert rig.port.end_at(name, began + hours * HOUR)
    rig.wait(hours * HOUR - timedelta(seconds=1))
    assert rig.directory.is_member(OPS, rig.ada.id)
    rig.wait(timedelta(seconds=1))
    assert not rig.directory.is_member(OPS, rig.ada.id)


def test_one_that_came_back_has_no_end(rig: Rig) -> None:
    """The end goes with the membership: another one of the same user lasts."""
    assert rig.port.end_at(rig.joined(), rig.now() + HOUR)
    rig.directory.remove(OPS, rig.ada.id)
    rig.directory.add(OPS, rig.ada)
    rig.wait(2 * HOUR)
    assert rig.directory.is_member(OPS, rig.ada.id)


def test_what_is_not_there_has_no_name_and_no_end(rig: Rig) -> None:
    """A membership that is not there is none to be found, and one that went meanwhile is said to be gone."""
    assert rig.port.find(OPS, rig.ada.email) is None
    name = rig.joined()
    rig.directory.remove(OPS, rig.ada.id)
    assert rig.port.end_at(name, rig.now() + HOUR) is False
    assert not rig.directory.is_member(OPS, rig.ada.id)


def test_an_unknown_group_is_an_error(rig: Rig) -> None:
    """A group that is not there is never a group without members; Google may not tell it from a forbidden one."""
    with pytest.raises((Missing, NotAuthorised), match=r"no@example\.com"):
        rig.port.find("no@example.com", rig.ada.email)
    with pytest.raises((Missing, NotAuthorised), match=r"no@example\.com"):
        rig.port.check("no@example.com", rig.ada.email)


def test_an_edition_without_it_says_so(rig: Rig) -> None:
    """Both the check and the write are refused by name, and the membership stays as it was; the look still works."""
    rig.port.check(OPS, rig.ada.email)
    name = rig.joined()
    rig.offer(False)  # noqa: FBT003 - a switch
    with pytest.raises(NotAuthorised):
        rig.port.check(OPS, rig.ada.email)
    with pytest.raises(NotAuthorised):
        rig.port.end_at(name, rig.now() + HOUR)
    assert rig.port.find(OPS, rig.ada.email) == name
    rig.wait(2 * HOUR)
    assert rig.directory.is_member(OPS, rig.ada.id)


def test_a_service_that_is_down_is_unavailable_for_every_call(rig: Rig) -> None:
    """No call gives an answer while nothing is known; the same calls work once it is back."""
    name = rig.joined()
    rig.down()
    for call in (
        lambda: rig.port.check(OPS, rig.ada.email),
        lambda: rig.port.find(OPS, rig.ada.email),
        lambda: rig.port.end_at(name, rig.now() + HOUR),
    ):
        with pytest.raises(Unavailable):
            call()
    rig.up()
    assert rig.port.end_at(name, rig.now() + HOUR)


def test_an_answer_that_got_lost_may_be_asked_for_again(rig: Rig) -> None:
    """An end that was set unheard is set again to the same."""
    name, began = rig.joined(), rig.now()
    rig.lose_next_answer()
    with pytest.raises(Unavailable):
        rig.port.end_at(name, began + HOUR)
    assert rig.port.end_at(name, began + HOUR)
    rig.wait(HOUR)
    assert not rig.directory.is_member(OPS, rig.ada.id)
