"""The contract of the port `IdentityCenter`, over the fake and over the real adapter on the stand-in for AWS."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Protocol

import boto3
import pytest

from accessbot.adapters.aws_identity import AwsIdentityCenter
from accessbot.domain.errors import Missing, Unavailable
from accessbot.ports import IdentityCenter
from accessbot.sandbox.aws import Aws
from tests.fakes.vendors import FakeIdentityCenter

ACCOUNT = "111122223333"
OTHER = "444455556666"


class Rig(Protocol):
    """An Identity Center and the administrator's hand in it."""

    port: IdentityCenter

    def add_user(self, user_name: str, *, emails: tuple[str, ...] = ()) -> str:
        """Create a user; gives the UserId."""
        ...

    def delete_user(self, user_id: str) -> None:
        """Delete a user."""
        ...

    def add_group(self, name: str) -> str:
        """Create a group; gives the GroupId."""
        ...

    def delete_group(self, group_id: str) -> None:
        """Delete a group."""
        ...

    def put(self, group_id: str, user_id: str) -> None:
        """Put a user into a group."""
        ...

    def add_permission_set(self, name: str, session: timedelta) -> str:
        """Create a permission set; gives the ARN."""
        ...

    def assign(self, group_id: str, account: str, name: str) -> None:
        """Let a group open a permission set in an account."""
        ...

    def down(self) -> None:
        """Let every call fail from now on."""
        ...

    def up(self) -> None:
        """Let calls be answered again."""
        ...

    def lose_next(self, method: str, operation: str) -> None:
        """Let the next write take effect and its answer get lost."""
        ...


class FakeRig:
    """The fake."""

    def __init__(self) -> None:
        self.fake = FakeIdentityCenter()
        self.port: IdentityCenter = self.fake
        self.delete_user = self.fake.delete_user
        self.add_group = self.fake.add_group
        self.delete_group = self.fake.delete_group
        self.put = self.fake.put
        self.up = self.fake.recover

    def add_user(self, user_name: str, *, emails: tuple[str, ...] = ()) -> str:
        """Create a user."""
        return self.fake.add_user(user_name, emails=emails)

    def add_permission_set(self, name: str, session: timedelta) -> str:
        """Create a permission set."""
        return self.fake.add_permission_set(name, session).arn

    def assign(self, group_id: str, account: str, name: str) -> None:
        """Assign it."""
        self.fake.assign(group_id, account, self.fake.permission_set(name).arn)

    def down(self) -> None:
        """Let every call fail."""
        self.fake.fail(times=None)

    def lose_next(self, method: str, operation: str) -> None:  # noqa: ARG002 - the other rig's name of it
        """Lose one answer."""
        self.fake.fail(method, applied=True)


class RealRig:
    """The adapter on the stand-in."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.port: IdentityCenter = AwsIdentityCenter(boto3.session.Session, None, None, timedelta(seconds=6))
        self.delete_user = aws.delete_user
        self.delete_group = aws.delete_group
        self.up = aws.faults.clear

    def add_user(self, user_name: str, *, emails: tuple[str, ...] = ()) -> str:
        """Create a user."""
        return self.aws.add_user(user_name, emails=emails).id

    def add_group(self, name: str) -> str:
        """Create a group."""
        return self.aws.add_group(name).id

    def put(self, group_id: str, user_id: str) -> None:
        """Put a user into a group."""
        self.aws.store.create_membership(group_id, user_id, by="admin")

    def add_permission_set(self, name: str, session: timedelta) -> str:
        """Create a permission set."""
        return self.aws.add_permission_set(name, session_duration=f"PT{int(session.total_seconds()) // 60}M")

    def assign(self, group_id: str, account: str, name: str) -> None:
        """Assign it."""
        self.aws.assign(account, name, group_id)

    def down(self) -> None:
        """Answer 503."""
        self.aws.faults.on("aws_down")

    def lose_next(self, method: str, operation: str) -> None:  # noqa: ARG002 - the other rig's name of it
        """Drop the connection after the call."""
        self.aws.faults.drop(f"aws.identitystore.{operation}", times=1, applied=True)


@pytest.fixture(params=["fake", "real"])
def rig(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """Give each of the two in turn."""
    if request.param == "fake":
        yield FakeRig()
        return
    with Aws() as aws:
        for name, value in aws.env().items():
            monkeypatch.setenv(name, value)
        yield RealRig(aws)


def test_a_user_is_found_by_user_name_first(rig: Rig) -> None:
    """Where one user's email is another's user name, the user name wins."""
    rig.add_user("someone", emails=("ada@example.com",))
    ada = rig.add_user("ada@example.com", emails=("lovelace@example.com",))
    assert rig.port.find_user("ada@example.com") == ada


def test_a_user_is_found_by_email_otherwise(rig: Rig) -> None:
    """A user with another user name is found by the email."""
    ada = rig.add_user("ada", emails=("ada@example.com",))
    assert rig.port.find_user("ada@example.com") == ada


def test_an_unknown_user_is_missing(rig: Rig) -> None:
    """A user nobody has is a named error of kind user."""
    with pytest.raises(Missing) as caught:
        rig.port.find_user("nobody@example.com")
    assert caught.value.what == "user"


def test_the_addresses_of_a_user_are_name_and_emails(rig: Rig) -> None:
    """They come as they are written, the userName first and none twice; a user that is gone has none."""
    ada = rig.add_user("Ada@example.com", emails=("ada@example.com", "lovelace@example.com"))
    assert set(rig.port.addresses(ada)) == {"Ada@example.com", "ada@example.com", "lovelace@example.com"}
    assert rig.port.addresses(ada)[0] == "Ada@example.com"
    rig.delete_user(ada)
    assert rig.port.addresses(ada) == ()


def test_a_group_is_found_by_display_name_and_by_id(rig: Rig) -> None:
    """Both give the GroupId."""
    ops = rig.add_group("ops")
    assert rig.port.find_group("ops") == ops
    assert rig.port.find_group(ops) == ops


@pytest.mark.parametrize("name", ["nothing", str(uuid.UUID(int=1))])
def test_an_unknown_group_is_missing(rig: Rig, name: str) -> None:
    """Neither an unknown name nor an unknown id gives a group."""
    rig.add_group("ops")
    with pytest.raises(Missing) as caught:
        rig.port.find_group(name)
    assert caught.value.what == "group"


def test_added_is_member(rig: Rig) -> None:
    """After an add the read and the list agree; another user stays out."""
    ops, ada, bob = rig.add_group("ops"), rig.add_user("ada"), rig.add_user("bob")
    assert not rig.port.is_member(ops, ada)
    rig.port.add(ops, ada)
    assert rig.port.is_member(ops, ada)
    assert rig.port.members(ops) == {ada}
    assert not rig.port.is_member(ops, bob)


def test_adding_and_removing_twice_is_success(rig: Rig) -> None:
    """A second add and a second removal change nothing and raise nothing."""
    ops, ada = rig.add_group("ops"), rig.add_user("ada")
    rig.port.add(ops, ada)
    rig.port.add(ops, ada)
    assert rig.port.members(ops) == {ada}
    rig.port.remove(ops, ada)
    rig.port.remove(ops, ada)
    assert not rig.port.is_member(ops, ada)
    assert rig.port.members(ops) == frozenset()


def test_a_deleted_group_is_missing_for_every_call(rig: Rig) -> None:
    """No call takes a group that is gone for one without members."""
    ops, ada = rig.add_group("ops"), rig.add_user("ada")
    rig.delete_group(ops)
    for call in (
        lambda: rig.port.find_group(ops),
        lambda: rig.port.is_member(ops, ada),
        lambda: rig.port.add(ops, ada),
        lambda: rig.port.remove(ops, ada),
        lambda: rig.port.members(ops),
    ):
        with pytest.raises(Missing, match=ops) as caught:
            call()
        assert caught.value.what == "group"


def test_a_deleted_user_is_missing_but_needs_no_removal(rig: Rig) -> None:
    """Reading and adding one who is gone is a named error of kind user; removing one who is gone is success."""
    ops, ada = rig.add_group("ops"), rig.add_user("ada")
    rig.put(ops, ada)
    rig.delete_user(ada)
    for call in (lambda: rig.port.is_member(ops, ada), lambda: rig.port.add(ops, ada)):
        with pytest.raises(Missing) as caught:
            call()
        assert caught.value.what == "user"
    rig.port.remove(ops, ada)
    assert rig.port.members(ops) == frozenset()


def test_every_page_of_members_is_listed(rig: Rig) -> None:
    """More members than two pages hold are all there."""
    ops = rig.add_group("ops")
    everyone = frozenset(rig.add_user(f"user{number}") for number in range(205))
    for user in everyone:
        rig.put(ops, user)
    assert rig.port.members(ops) == everyone


def test_a_permission_set_is_found_with_its_session_duration(rig: Rig) -> None:
    """Name, ARN and duration are read; a name nobody has is a named error of kind permission set."""
    rig.add_permission_set("Reader", timedelta(hours=1))
    arn = rig.add_permission_set("Admin", timedelta(hours=4, minutes=30))
    for _ in range(2):
        found = rig.port.permission_set("Admin")
        assert (found.arn, found.name, found.session) == (arn, "Admin", timedelta(hours=4, minutes=30))
    with pytest.raises(Missing, match="Nothing") as caught:
        rig.port.permission_set("Nothing")
    assert caught.value.what == "permission set"


def test_what_a_group_opens_is_listed_whole(rig: Rig) -> None:
    """Every assignment of the group is there, in whatever account; those of other groups are not."""
    ops, others = rig.add_group("ops"), rig.add_group("others")
    arns = [rig.add_permission_set(f"Set{number}", timedelta(hours=1)) for number in range(105)]
    for number in range(105):
        rig.assign(ops, ACCOUNT, f"Set{number}")
    rig.assign(ops, OTHER, "Set0")
    rig.assign(others, OTHER, "Set1")
    assert rig.port.opens(ops, [ACCOUNT]) == {(ACCOUNT, arn) for arn in arns} | {(OTHER, arns[0])}
    assert rig.port.opens(others, [ACCOUNT]) == {(OTHER, arns[1])}
    assert rig.port.opens(rig.add_group("new"), [ACCOUNT]) == frozenset()


def test_aws_down_is_unavailable_for_every_call(rig: Rig) -> None:
    """No call gives an answer while nothing is known; the same calls work once it is back."""
    ops, ada = rig.add_group("ops"), rig.add_user("ada")
    rig.put(ops, ada)
    rig.down()
    for call in (
        lambda: rig.port.find_user("ada"),
        lambda: rig.port.find_group("ops"),
        lambda: rig.port.is_member(ops, ada),
        lambda: rig.port.add(ops, ada),
        lambda: rig.port.remove(ops, ada),
        lambda: rig.port.members(ops),
        lambda: rig.port.permission_set("Admin"),
        lambda: rig.port.opens(ops, [ACCOUNT]),
    ):
        with pytest.raises(Unavailable) as caught:
            call()
        assert caught.value.vendor == "AWS"
    rig.up()
    assert rig.port.is_member(ops, ada)


def test_a_write_whose_answer_got_lost_is_unavailable_and_may_be_played_again(rig: Rig) -> None:
    """An add and a removal that took effect unheard are repeated without an error."""
    ops, ada = rig.add_group("ops"), rig.add_user("ada")
    assert not rig.port.is_member(ops, ada)
    rig.lose_next("add", "CreateGroupMembership")
    with pytest.raises(Unavailable):
        rig.port.add(ops, ada)
    rig.port.add(ops, ada)
    assert rig.port.is_member(ops, ada)
    rig.lose_next("remove", "DeleteGroupMembership")
    with pytest.raises(Unavailable):
        rig.port.remove(ops, ada)
    rig.port.remove(ops, ada)
    assert not rig.port.is_member(ops, ada)
