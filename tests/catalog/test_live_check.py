"""A right catalog is held against Google, Slack and the on-call sources: what it names has to be there and to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from accessbot.adapters.catalog_file import catalog_of
from accessbot.domain.errors import NotAuthorised, Rejected, Unavailable
from accessbot.domain.oncall import Shift
from accessbot.service import checking
from accessbot.service.context import Context
from tests.fakes.oncall import FakeFeeds
from tests.fakes.vendors import FakeDirectory
from tests.support.ports import FakeWorkspace
from tests.support.world import new_world

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
BEFORE, AFTER = NOW - timedelta(days=3), NOW + timedelta(days=30)

CATALOG = """\
admins: [group:admins@example.com]
accounts:
  production: {id: "111122223333"}
schedules:
  payments:
    rotation: {people: [user:maya@example.com, user:noah@example.com], every: 1w, since: "2026-01-05 09:00", zone: UTC}
  team:
    rotation: {people: [group:rota@example.com], every: 1w, since: "2026-01-05 09:00", zone: UTC}
  sre: {ical: SRE_ROTA_URL}
  dba: {slack_usergroup: S0000DBA}
entitlements:
  - id: production-admin
    account: production
    permission_set: Admin
    group: aws-production-admin@example.com
    policy: sensitive
policies:
  sensitive:
    requesters: [everyone]
    steps:
      - name: leads
        approvers: [group:leads@example.com, user:cto@example.com]
        approvals: 2
      - name: on call
        approvers: [on-call:sre, slack-usergroup:S0000DBA]
        tell: [manager]
    default_duration: 1h
    max_duration: 8h
"""


@dataclass(slots=True)
class Slack(FakeWorkspace):
    """A Slack that knows some user groups."""

    groups: dict[str, frozenset[str]] = field(default_factory=lambda: {"S0000DBA": frozenset({"U1"})})

    def usergroup(self, usergroup: str) -> frozenset[str]:
        """List a user group."""
        if self.trouble is None and usergroup not in self.groups:
            raise Rejected("Slack", "usergroups.users.list", "Slack does not know that user group.")
        return FakeWorkspace.usergroup(self, usergroup)


@dataclass(slots=True)
class Around:
    """All that the catalog names, as it has to be."""

    ctx: Context
    google: FakeDirectory
    slack: Slack
    feeds: FakeFeeds

    def findings(self, text: str = CATALOG) -> list[str]:
        """What is found, each as one line."""
        catalog = catalog_of(text.encode(), "catalog.yml", timedelta(minutes=5))
        found = checking.look(self.ctx, catalog, NOW, lambda *_: None)
        return [f"{one.about}: {one.sentence}" for one in found]


@pytest.fixture
def around() -> Iterator[Around]:
    """Give a Google, a Slack and feeds in which all that the catalog names is there."""
    google, slack, feeds = FakeDirectory(), Slack(), FakeFeeds()
    for name in ("maya", "noah", "cto", "priya", "ines"):
        google.add_user(f"{name}@example.com", aliases=[f"{name}.alias@example.com"])
    for group, people in {
        "admins": ["ines"],
        "rota": ["maya", "noah"],
        "inner": ["priya"],
        "leads": [],
        "aws-production-admin": [],
    }.items():
        google.add_group(f"{group}@example.com")
        for name in people:
            google.put(f"{group}@example.com", f"{name}@example.com")
    google.put("leads@example.com", "inner@example.com")
    feeds.put("sre", Shift(who="maya@example.com", begins=BEFORE, ends=AFTER))
    with new_world() as world:
        yield Around(replace(world.ctx, directory=google, workspace=slack, feeds=feeds), google, slack, feeds)


def test_a_catalog_whose_names_are_all_there_has_no_finding(around: Around) -> None:
    """Nothing is found where all is well, and nothing but reading was done."""
    assert around.findings() == []
    assert {call.method for call in around.google.journal} <= {"user", "members"}


def test_missing_groups_are_told_with_where_they_are_named(around: Around) -> None:
    """A group that Google does not know is told once, mapped groups and groups in groups too."""
    for name in ("admins", "aws-production-admin"):
        around.google.delete_group(f"{name}@example.com")
    assert around.findings() == [
        "admins: admins@example.com: Google does not know the group admins@example.com.",
        (
            "group of entitlement “production-admin”: aws-production-admin@example.com: "
            "Google does not know the group aws-production-admin@example.com."
        ),
    ]


def test_a_group_in_a_group_that_cannot_be_read_is_told(around: Around) -> None:
    """What a group holds has to be there as well: who is in it would not be known."""
    around.google.delete_group("inner@example.com")
    assert around.findings() == [
        "group leads@example.com: holds inner@example.com: Google does not know the group inner@example.com."
    ]


def test_groups_in_a_circle_are_told_once_with_the_circle(around: Around) -> None:
    """However long the circle, and wherever it is come upon, it is told in full, once."""
    around.google.put("inner@example.com", "leads@example.com")
    assert around.findings() == [
        (
            "group leads@example.com: holds itself: leads@example.com → inner@example.com → leads@example.com; "
            "take one of them out of the next."
        )
    ]


def test_two_ways_to_one_group_are_no_circle(around: Around) -> None:
    """A group that is reached twice from above is fine."""
    around.google.add_group("third@example.com")
    around.google.put("leads@example.com", "third@example.com")
    around.google.put("third@example.com", "inner@example.com")
    assert around.findings() == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda google: google.delete_user("cto@example.com"), "cto@example.com is not known to Google"),
        (lambda google: google.change_user("cto@example.com", suspended=True), "is suspended in Google"),
        (lambda google: google.change_user("cto@example.com", archived=True), "is archived in Google"),
        (
            lambda google: google.rename_user("cto@example.com", "chief@example.com"),
            "is another address of chief@example.com, and only that one counts",
        ),
    ],
)
def test_people_who_are_not_there_are_told(around: Around, change: object, says: str) -> None:
    """An unknown, suspended, archived or renamed person is told where they are named; the step lacks them, too."""
    assert callable(change)
    change(around.google)
    found = around.findings()
    assert [line for line in found if says in line] == [found[0]]
    assert found[0].startswith("approvers of step “leads” of policy “sensitive”: ")
    assert found[1:] == [
        ("step “leads” of policy “sensitive”: only 1 of the 2 people it takes could decide right now; add approvers.")
    ]


def test_an_empty_approver_group_is_told(around: Around) -> None:
    """A group without anybody, in all that is nested in it, lets nobody approve."""
    around.google.drop("inner@example.com", "priya@example.com")
    assert around.findings() == [
        "step “leads” of policy “sensitive”: only 1 of the 2 people it takes could decide right now; add approvers."
    ]
    assert around.findings(CATALOG.replace("        approvals: 2\n", "")) == [
        (
            "step “leads” of policy “sensitive”: group:leads@example.com is empty, so it lets nobody approve; "
            "add people, or take it out."
        )
    ]


def test_a_group_of_everybody_is_not_counted(around: Around) -> None:
    """A group with the whole company in it, or one that cannot be read, is not called empty."""
    around.google.fail("members", times=None, error=NotAuthorised("Google", "members", "No right to list members."))
    assert not [line for line in around.findings() if "could decide" in line or "is empty" in line]


def test_an_unknown_slack_user_group_is_told(around: Around) -> None:
    """With each place that names it, be it a schedule or an approver."""
    around.slack.groups.clear()
    assert around.findings() == [
        "schedule “dba” (and 1 more): slack-usergroup:S0000DBA: Slack does not know that user group.",
        "schedule “dba”: cannot be read: Slack does not know that user group.",
    ]


def test_an_empty_slack_user_group_is_nobody_on_call(around: Around) -> None:
    """Where a user group is the schedule, an empty one means that nobody is on call."""
    around.slack.groups["S0000DBA"] = frozenset()
    assert "schedule “dba”: has nobody on call: the Slack user group S0000DBA is empty." in around.findings()


def test_a_gap_is_told_with_when(around: Around) -> None:
    """Every time within two weeks at which nobody is on call, the first three of them in full."""
    around.feeds.put("sre", Shift(who="maya@example.com", begins=BEFORE, ends=NOW + timedelta(hours=3)))
    assert around.findings() == [
        "schedule “sre”: has nobody on call from 2026-11-24 15:00 UTC; fill the gap.",
    ]
    shifts = [NOW + timedelta(days=n) for n in range(14)]
    around.feeds.put("sre", *(Shift(who="noah@example.com", begins=s, ends=s + timedelta(hours=20)) for s in shifts))
    found = around.findings()
    assert found[0] == (
        "schedule “sre”: has nobody on call from 2026-11-25 08:00 UTC until 2026-11-25 12:00 UTC; fill the gap."
    )
    assert found[3:] == ["schedule “sre”: has 11 more gaps within 14 days."]


def test_a_rotation_that_has_not_begun_has_a_gap(around: Around) -> None:
    """Before its first hand-over nobody is on call."""
    text = CATALOG.replace(
        'noah@example.com], every: 1w, since: "2026-01-05', 'noah@example.com], every: 1w, since: "2026-11-30'
    )
    assert around.findings(text) == [
        "schedule “payments”: has nobody on call from 2026-11-24 12:00 UTC until 2026-11-30 09:00 UTC; fill the gap."
    ]


def test_a_rotation_over_a_group_without_users_is_told(around: Around) -> None:
    """A group that holds only groups, or nobody, has nobody who takes turns."""
    for name in ("maya", "noah"):
        around.google.drop("rota@example.com", f"{name}@example.com")
    around.google.put("rota@example.com", "inner@example.com")
    assert around.findings() == [
        "schedule “team”: takes turns in a group that has no users as direct members; add some."
    ]


def test_a_feed_that_names_a_stranger_is_told(around: Around) -> None:
    """Somebody whom Google does not know cannot be given anything when their shift begins."""
    around.feeds.put("sre", Shift(who="stranger@example.org", begins=BEFORE, ends=AFTER))
    assert around.findings() == [
        "schedule “sre”: names stranger@example.org, who is not known to Google; correct the address, or take it out."
    ]


def test_a_feed_that_cannot_be_read_is_told(around: Around) -> None:
    """Its own sentence says why; that the step could count on it is not known then."""
    around.feeds.trouble = Rejected("the iCal feed of sre", "GET", "The iCal feed of sre is no calendar.")
    assert around.findings() == ["schedule “sre”: cannot be read: The iCal feed of sre is no calendar."]


def test_a_policy_that_nobody_can_decide_is_told(around: Around) -> None:
    """Where all approvers of a step are empty or gone nobody could decide."""
    around.slack.groups["S0000DBA"] = frozenset()
    text = CATALOG.replace(
        "approvers: [on-call:sre, slack-usergroup:S0000DBA]", "approvers: [slack-usergroup:S0000DBA]"
    )
    assert "step “on call” of policy “sensitive”: nobody could decide right now; add approvers." in around.findings(
        text
    )


def test_a_vendor_that_is_away_is_told_and_not_asked_on(around: Around) -> None:
    """After three failures in a row the rest is passed over in one line, and nothing is taken for right."""
    around.google.fail(times=None, error=Unavailable("Google", "members", "Google is down."))
    found = around.findings()
    assert [line for line in found if "Google is down." in line][:1] == ["admins: admins@example.com: Google is down."]
    assert found[-1].startswith("Google: does not answer, so ")
    assert len(found) <= 8


def test_what_asks_for_a_pause_is_asked_again(around: Around) -> None:
    """A quota that is used up for a moment is waited for, and is no finding."""
    wait = Unavailable("Google", "members", "Google is at its quota.", retry_after=timedelta(seconds=1))
    around.google.fail("members", times=2, error=wait)
    assert around.findings() == []
