"""The contract of the port `Directory`, over the fake and over the real adapter on the Directory API's stand-in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from accessbot.adapters.google_auth import anonymous
from accessbot.adapters.google_directory import GoogleDirectory
from accessbot.domain.errors import Ambiguous, Missing, Rejected, Unavailable
from accessbot.domain.model import DirectoryUser
from accessbot.ports import Directory
from accessbot.sandbox.google import Directory as Customer
from accessbot.sandbox.google import Google
from tests.fakes.vendors import FakeDirectory

OPS = "ops@example.com"
LEADS = "leads@example.com"


class Rig(Protocol):
    """A directory and the administrator's hand in it."""

    port: Directory

    def add_user(self, email: str, *, aliases: tuple[str, ...] = (), suspended: bool = False) -> DirectoryUser:
        """Create a user."""
        ...

    def delete_user(self, key: str) -> None:
        """Delete a user."""
        ...

    def set_manager(self, key: str, *managers: str) -> object:
        """Say who a user's manager is."""
        ...

    def add_group(self, email: str) -> None:
        """Create a group."""
        ...

    def put(self, group: str, key: str) -> None:
        """Make a user, group or outsider a member."""
        ...

    def down(self) -> None:
        """Let every call fail from now on."""
        ...

    def up(self) -> None:
        """Let calls be answered again."""
        ...

    def lose_next_answer(self) -> None:
        """Let the next call take effect and its answer get lost."""
        ...

    def lag(self) -> None:
        """Let reads see the next write late."""
        ...

    def catch_up(self) -> None:
        """Let reads see all that was written."""
        ...


class FakeRig:
    """The fake."""

    def __init__(self) -> None:
        self.fake = FakeDirectory()
        self.port: Directory = self.fake
        self.delete_user = self.fake.delete_user
        self.set_manager = self.fake.set_manager
        self.add_group = self.fake.add_group
        self.put = self.fake.put
        self.up = self.fake.recover

    def add_user(self, email: str, *, aliases: tuple[str, ...] = (), suspended: bool = False) -> DirectoryUser:
        """Create a user."""
        return self.fake.add_user(email, aliases=aliases, suspended=suspended)

    def down(self) -> None:
        """Let every call fail."""
        self.fake.fail(times=None)

    def lose_next_answer(self) -> None:
        """Lose one answer."""
        self.fake.fail(applied=True)

    def lag(self) -> None:
        """Let one read be late."""
        self.fake.lag = 1

    def catch_up(self) -> None:
        """Nothing to do: the late read was the one."""


class RealRig:
    """The adapter on the stand-in, whose clock stands still until it is moved."""

    def __init__(self, google: Google, move: Callable[[timedelta], None]) -> None:
        self.google = google
        self.port: Directory = GoogleDirectory(google.url, anonymous(google.url), timedelta(seconds=5))
        self.delete_user = google.directory.delete_user
        self.set_manager = google.directory.set_manager
        self._move = move

    def add_user(self, email: str, *, aliases: tuple[str, ...] = (), suspended: bool = False) -> DirectoryUser:
        """Create a user."""
        made = self.google.directory.add_user(email, aliases=aliases, suspended=suspended)
        return DirectoryUser(id=made.id, email=made.email.casefold(), suspended=suspended, archived=False)

    def add_group(self, email: str) -> None:
        """Create a group."""
        self.google.directory.add_group(email)

    def put(self, group: str, key: str) -> None:
        """Make somebody a member."""
        self.google.directory.add_member(group, key)

    def down(self) -> None:
        """Answer 503."""
        self.google.faults.on("google_down")

    def up(self) -> None:
        """Answer again."""
        self.google.faults.clear()

    def lose_next_answer(self) -> None:
        """Drop the connection after the call."""
        self.google.faults.drop("google.*", times=1, applied=True)

    def lag(self) -> None:
        """Show writes a minute late."""
        self.google.directory.visible_after = 60.0

    def catch_up(self) -> None:
        """Let the minute pass."""
        self._move(timedelta(minutes=2))


@pytest.fixture(params=["fake", "real"])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """Give each of the two in turn, with the groups that the tests use."""
    now = [datetime(2026, 1, 1, tzinfo=UTC)]

    def move(by: timedelta) -> None:
        now[0] += by

    made: Rig
    if request.param == "fake":
        made = FakeRig()
        made.add_group(OPS)
        made.add_group(LEADS)
        yield made
        return
    with Google(Customer(clock=lambda: now[0])) as google:
        made = RealRig(google, move)
        made.add_group(OPS)
        made.add_group(LEADS)
        yield made


def test_a_user_is_found_by_id_address_and_alias(rig: Rig) -> None:
    """All three keys, in any case, give the same user with the primary address in lower case."""
    ada = rig.add_user("Ada@example.com", aliases=("a.lovelace@example.com",))
    assert ada.email == "ada@example.com"
    assert {rig.port.user(key) for key in (ada.id, "ada@example.com", "A.Lovelace@example.com")} == {ada}


def test_a_suspended_user_says_so(rig: Rig) -> None:
    """Suspension is read, not guessed."""
    rig.add_user("ada@example.com", suspended=True)
    assert rig.port.user("ada@example.com").suspended


def test_an_unknown_user_is_missing(rig: Rig) -> None:
    """A user nobody has is a named error of kind user, with the address in its sentence."""
    with pytest.raises(Missing, match=r"nobody@example\.com") as caught:
        rig.port.user("nobody@example.com")
    assert caught.value.what == "user"


def test_added_is_member_everywhere(rig: Rig) -> None:
    """After an add the direct read, the nested read and the list agree; another user stays out."""
    ada, bob = rig.add_user("ada@example.com"), rig.add_user("bob@example.com")
    assert not rig.port.is_member(OPS, ada.id)
    rig.port.add(OPS, ada)
    assert rig.port.is_member(OPS, ada.id)
    assert rig.port.holds(OPS, "Ada@example.com")
    assert [(each.id, each.email, each.type) for each in rig.port.members(OPS)] == [(ada.id, ada.email, "USER")]
    assert not rig.port.is_member(OPS, bob.id)
    assert not rig.port.holds(OPS, "bob@example.com")


def test_adding_twice_is_success(rig: Rig) -> None:
    """Somebody who is a member already is added without an error, and listed once."""
    ada = rig.add_user("ada@example.com")
    rig.port.add(OPS, ada)
    rig.port.add(OPS, ada)
    assert len(rig.port.members(OPS)) == 1


def test_removing_twice_is_success(rig: Rig) -> None:
    """A removal leaves no membership, and a second one is no error."""
    ada = rig.add_user("ada@example.com")
    rig.port.add(OPS, ada)
    rig.port.remove(OPS, ada.id)
    rig.port.remove(OPS, ada.id)
    assert not rig.port.is_member(OPS, ada.id)
    assert not rig.port.holds(OPS, ada.email)
    assert rig.port.members(OPS) == ()


def test_an_unknown_group_is_missing_for_every_call(rig: Rig) -> None:
    """No call takes a group that does not exist for one without members."""
    ada = rig.add_user("ada@example.com")
    for call in (
        lambda: rig.port.is_member("no@example.com", ada.id),
        lambda: rig.port.holds("no@example.com", ada.email),
        lambda: rig.port.add("no@example.com", ada),
        lambda: rig.port.remove("no@example.com", ada.id),
        lambda: rig.port.members("no@example.com"),
    ):
        with pytest.raises(Missing, match=r"no@example\.com") as caught:
            call()
        assert caught.value.what == "group"


def test_nested_membership_holds_but_is_not_direct(rig: Rig) -> None:
    """A member of a member group is held by the outer group, and is no direct member of it."""
    ada = rig.add_user("ada@example.com")
    rig.put(OPS, LEADS)
    rig.put(LEADS, ada.email)
    assert rig.port.holds(OPS, ada.email)
    assert not rig.port.is_member(OPS, ada.id)
    assert [each.type for each in rig.port.members(OPS)] == ["GROUP"]


def test_an_outsider_is_held_only_as_a_direct_member(rig: Rig) -> None:
    """For an address of another domain the direct members decide."""
    assert not rig.port.holds(OPS, "eve@elsewhere.example")
    rig.put(OPS, "eve@elsewhere.example")
    assert rig.port.holds(OPS, "eve@elsewhere.example")


def test_a_deleted_user_is_no_member_and_cannot_be_added(rig: Rig) -> None:
    """Removing one who is gone is success; adding one who is gone is a named error of kind user."""
    ada = rig.add_user("ada@example.com")
    rig.port.add(OPS, ada)
    rig.delete_user(ada.id)
    assert not rig.port.is_member(OPS, ada.id)
    rig.port.remove(OPS, ada.id)
    with pytest.raises(Missing) as caught:
        rig.port.add(OPS, ada)
    assert caught.value.what == "user"


def test_every_page_is_listed(rig: Rig) -> None:
    """More members than two pages hold are all there, once each; an empty group is an empty list."""
    assert rig.port.members(OPS) == ()
    everyone = {rig.add_user(f"user{number}@example.com").id for number in range(405)}
    for user in everyone:
        rig.put(OPS, user)
    listed = [each.id for each in rig.port.members(OPS)]
    assert set(listed) == everyone
    assert len(listed) == 405


def test_a_directory_that_is_down_is_unavailable_for_every_call(rig: Rig) -> None:
    """No call gives an answer while nothing is known; the same calls work once it is back."""
    ada = rig.add_user("ada@example.com")
    rig.put(OPS, ada.email)
    rig.down()
    for call in (
        lambda: rig.port.user(ada.email),
        lambda: rig.port.is_member(OPS, ada.id),
        lambda: rig.port.holds(OPS, ada.email),
        lambda: rig.port.add(OPS, ada),
        lambda: rig.port.remove(OPS, ada.id),
        lambda: rig.port.members(OPS),
        lambda: rig.port.manager(ada.id),
    ):
        with pytest.raises(Unavailable) as caught:
            call()
        assert caught.value.vendor == "Google"
    rig.up()
    assert rig.port.is_member(OPS, ada.id)


def test_a_write_whose_answer_got_lost_is_unavailable_and_may_be_played_again(rig: Rig) -> None:
    """An add and a removal that took effect unheard are repeated without an error."""
    ada = rig.add_user("ada@example.com")
    rig.lose_next_answer()
    with pytest.raises(Unavailable):
        rig.port.add(OPS, ada)
    rig.port.add(OPS, ada)
    assert rig.port.is_member(OPS, ada.id)
    rig.lose_next_answer()
    with pytest.raises(Unavailable):
        rig.port.remove(OPS, ada.id)
    rig.port.remove(OPS, ada.id)
    assert not rig.port.is_member(OPS, ada.id)


def test_a_write_may_be_visible_late(rig: Rig) -> None:
    """A read right after an add may still say no, without an error; later it says yes."""
    ada = rig.add_user("ada@example.com")
    rig.lag()
    rig.port.add(OPS, ada)
    assert not rig.port.is_member(OPS, ada.id)
    rig.port.add(OPS, ada)
    rig.catch_up()
    assert rig.port.is_member(OPS, ada.id)


def test_the_manager_is_told_by_id_and_by_address(rig: Rig) -> None:
    """A manager's address comes in lower case, whichever way the user is named; most people's is told to be nobody."""
    ada, bob = rig.add_user("ada@example.com"), rig.add_user("bob@example.com")
    rig.set_manager(ada.id, "Bob@Example.com")
    assert rig.port.manager(ada.id) == rig.port.manager("Ada@example.com") == "bob@example.com"
    assert rig.port.manager(bob.id) is None


def test_a_manager_that_was_changed_is_told_at_once(rig: Rig) -> None:
    """Nothing about managers is remembered."""
    ada = rig.add_user("ada@example.com")
    rig.set_manager(ada.id, "bob@example.com")
    assert rig.port.manager(ada.id) == "bob@example.com"
    rig.set_manager(ada.id, "eve@example.com")
    assert rig.port.manager(ada.id) == "eve@example.com"
    rig.set_manager(ada.id)
    assert rig.port.manager(ada.id) is None


def test_of_several_managers_none_is_taken(rig: Rig) -> None:
    """Two managers are ambiguous, in either order; the same one written twice is one."""
    ada = rig.add_user("ada@example.com")
    for managers in (("bob@example.com", "eve@example.com"), ("eve@example.com", "bob@example.com")):
        rig.set_manager(ada.id, *managers)
        with pytest.raises(Ambiguous):
            rig.port.manager(ada.id)
    rig.set_manager(ada.id, "bob@example.com", "Bob@example.com")
    assert rig.port.manager(ada.id) == "bob@example.com"


def test_a_manager_who_is_no_address_is_rejected(rig: Rig) -> None:
    """A name in the place of an address says that there is a manager, and not who."""
    ada = rig.add_user("ada@example.com")
    rig.set_manager(ada.id, "Bob Bobson")
    with pytest.raises(Rejected):
        rig.port.manager(ada.id)


def test_the_manager_of_an_unknown_user_is_missing(rig: Rig) -> None:
    """Somebody whom Google does not know has no manager that could be told: that is an error, not None."""
    with pytest.raises(Missing, match=r"nobody@example\.com") as caught:
        rig.port.manager("nobody@example.com")
    assert caught.value.what == "user"
