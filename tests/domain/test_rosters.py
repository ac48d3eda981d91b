"""Who is out of band in a group, who is standing, and when the brake holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessbot.domain import rosters
from accessbot.domain.groups import Removal, Roster
from accessbot.domain.model import GOOGLE_SIDE, Grant, GrantState, GroupMember, Pair, aws_side
from accessbot.domain.rosters import Members, Stranger, Verdict

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GROUP = "aws-admin@example.com"
AWS_GROUP = "g-1"
LOOKED = Roster(key=GROUP, rev=1, aws_group_id=AWS_GROUP, looked_at=NOW - MINUTE)


def google(*people: str, kind: str = "USER") -> dict[str, GroupMember]:
    """Make members of a Google group; the id of `maya` is `google-maya`."""
    return {f"google-{p}": GroupMember(id=f"google-{p}", email=f"{p}@example.com", type=kind) for p in people}


def members(in_google: tuple[str, ...] = (), in_aws: tuple[str, ...] = (), *, named: tuple[str, ...] = ()) -> Members:
    """Make a group; the UserId of `maya` is `aws-maya`, and those who are `named` were looked up."""
    return Members(
        google=google(*in_google),
        aws_group_id=AWS_GROUP,
        aws=frozenset(f"aws-{p}" for p in in_aws),
        addresses={f"aws-{p}": (f"{p}@example.com",) for p in named},
    )


def grant(person: str, state: GrantState = GrantState.ACTIVE, name: str = "") -> Grant:
    """Make a grant of a person on the group."""
    return Grant(
        id=name or f"g_{person}",
        request_id="r_1",
        requester=f"U_{person}",
        email=f"{person}@example.com",
        entitlement="admin",
        account_id="111122223333",
        account_name="Production",
        permission_set="AdministratorAccess",
        google_group=GROUP,
        google_user_id=f"google-{person}",
        aws_group_id=AWS_GROUP,
        aws_user_id=f"aws-{person}",
        state=state,
        duration=MINUTE,
        approved_at=NOW,
        starts_at=NOW,
        expires_at=NOW + MINUTE,
    )


def pair(person: str, *, at_google: bool, in_aws: bool) -> Pair:
    """Make a pair with what was standing on it when its grant began."""
    standing = {GOOGLE_SIDE: at_google, aws_side(AWS_GROUP, f"aws-{person}"): in_aws}
    return Pair(key=f"{GROUP}/google-{person}", standing=standing, last_ended_at=NOW)


def judged(
    there: Members,
    grants: tuple[Grant, ...] = (),
    *,
    roster: Roster = LOOKED,
    after: tuple[Grant, ...] | None = None,
    left: tuple[Pair, ...] = (),
) -> Verdict:
    """Judge a group."""
    gone = {p.key.rpartition("/")[2]: p for p in left}
    return rosters.judge(roster, there, grants, grants if after is None else after, gone)


def test_holders_of_grants_are_no_strangers() -> None:
    """Whoever has a grant that has not ended, in whatever state, is accounted for on both sides."""
    held = tuple(grant(state.value, state) for state in GrantState if state not in _ENDED)
    people = tuple(g.email.partition("@")[0] for g in held)
    assert judged(members(people, people), held) == Verdict()


_ENDED = (GrantState.REVOKED, GrantState.PROVISION_FAILED)


@pytest.mark.parametrize(("in_google", "in_aws"), [((), ("maya",)), (("maya",), ()), ((), ())])
def test_a_live_grant_without_its_membership_is_unsettled(in_google: tuple[str, ...], in_aws: tuple[str, ...]) -> None:
    """A membership that a live grant has lost, on either side, has its pair looked at."""
    assert judged(members(in_google, in_aws), (grant("maya"),)).unsettled == (f"{GROUP}/google-maya",)


def test_a_grant_that_changed_during_the_look_is_left_alone() -> None:
    """Missing from a list that is older than the grant, or newer than its end, proves nothing."""
    begun, ended = grant("maya"), grant("maya", GrantState.REVOKING)
    assert judged(members(), (), after=(begun,)) == Verdict()
    assert judged(members(), (begun,), after=(ended,)) == Verdict()
    assert judged(members(), (begun,), after=()) == Verdict()
    assert judged(members(("maya",), ("maya",)), (begun,), after=()) == Verdict()
    assert judged(members(("maya",), ("maya",)), (), after=(begun,)) == Verdict()


def test_a_grant_on_another_aws_group_is_not_missed_in_this_one() -> None:
    """A grant made with the group that was mapped before has its AWS membership there."""
    old = replace(grant("maya"), aws_group_id="g-0")
    assert judged(members(("maya",), ()), (old,)) == Verdict()


def test_both_sides_of_a_stranger_are_one() -> None:
    """A person who is in both groups without a grant is one out-of-band member, also when written in capitals."""
    there = members(("sven",), ("sven",), named=("sven",))
    there = replace(there, addresses={"aws-sven": ("Sven@Example.com",)})
    (found,) = judged(there).strangers
    assert found == Stranger(who="sven@example.com", google="google-sven", aws="aws-sven")
    assert found.words == "sven@example.com (Google and AWS)"


def test_a_stranger_in_aws_alone_goes_by_the_name_there() -> None:
    """Who is only in AWS is named as AWS names them, or by the UserId where that user is gone."""
    assert [s.words for s in judged(members((), ("sven", "x"), named=("sven",))).strangers] == [
        "sven@example.com (AWS)",
        "the AWS user aws-x (AWS)",
    ]


def test_a_group_within_the_group_is_a_stranger() -> None:
    """A Google group that was put into a mapped group opens it to many, and is told as what it is."""
    there = Members(google=google("everybody", kind="GROUP"))
    assert [s.who for s in judged(there).strangers] == ["the group everybody@example.com"]


def test_standing_members_are_no_strangers() -> None:
    """Who was there at the first look, or was adopted, is accounted for, on that side."""
    known = replace(LOOKED, google=("google-ines",), aws=("aws-ines",))
    assert judged(members(("ines",), ("ines",)), roster=known) == Verdict()
    assert [s.words for s in judged(members(("ines", "sven"), ("ines",)), roster=known).strangers] == [
        "sven@example.com (Google)"
    ]


def test_a_sync_s_copy_of_a_standing_member_is_no_stranger() -> None:
    """The AWS membership that a sync makes of a standing one at Google follows from that, and is remembered."""
    known = replace(LOOKED, google=("google-ines",))
    there = members(("ines",), ("ines",), named=("ines",))
    assert judged(there, roster=known) == Verdict()
    assert rosters.looked_at(known, there, (), NOW).aws == ("aws-ines",)


def test_a_copy_whose_original_is_gone_is_a_stranger() -> None:
    """An AWS membership whose member at Google is not there is nobody's copy."""
    known = replace(LOOKED, google=("google-ines",))
    assert len(judged(members((), ("ines",), named=("ines",)), roster=known).strangers) == 1


def test_another_aws_user_with_the_address_of_a_holder_is_a_stranger() -> None:
    """A grant accounts for the AWS user it was made with, and for no other that goes by the same address."""
    there = replace(members(("maya",), ("maya", "x")), addresses={"aws-x": ("maya@example.com",)})
    assert [s.aws for s in judged(there, (grant("maya"),)).strangers] == ["aws-x"]


@pytest.mark.parametrize("side", ["google", "aws"])
def test_what_comes_back_after_the_end_is_the_pair_s_own(side: str) -> None:
    """A membership of ours that is there again shortly after its last grant ended has its pair looked at."""
    there = members(("maya",), ()) if side == "google" else members((), ("maya",), named=("maya",))
    verdict = judged(there, left=(pair("maya", at_google=False, in_aws=False),))
    assert verdict == Verdict(unsettled=(f"{GROUP}/google-maya",))


def test_what_was_there_before_the_grant_is_not_the_pair_s() -> None:
    """After its grant a member that was there before it is what it was: a standing one, or a stranger."""
    left = (pair("maya", at_google=True, in_aws=True),)
    assert [s.who for s in judged(members(("maya",), ("maya",), named=("maya",)), left=left).strangers] == [
        "maya@example.com"
    ]
    known = replace(LOOKED, google=("google-maya",), aws=("aws-maya",))
    assert judged(members(("maya",), ("maya",)), left=left, roster=known) == Verdict()


def test_a_copy_of_a_standing_member_is_not_the_pair_s_either() -> None:
    """What a sync copied from a membership that stands at Google is not looked at over and over."""
    known = replace(LOOKED, google=("google-maya",))
    left = (pair("maya", at_google=True, in_aws=False),)
    assert judged(members(("maya",), ("maya",), named=("maya",)), left=left, roster=known) == Verdict()


def test_what_stood_before_a_live_grant_is_standing() -> None:
    """At the first look a holder's membership counts as standing exactly where it was there before the grant."""
    held, there = (grant("maya"), grant("noah")), members(("maya", "noah"), ("maya", "noah"))
    pairs = (pair("maya", at_google=True, in_aws=False), pair("noah", at_google=False, in_aws=False))
    assert rosters.standing_of(held, pairs, there) == (Stranger(who="maya@example.com", google="google-maya"),)


def test_adopting_counts_both_sides_as_standing() -> None:
    """An adopted member is standing on each side they were found on."""
    there = members(("sven",), ("sven",), named=("sven",))
    known = rosters.adopted(LOOKED, there, judged(there).strangers)
    assert (known.google, known.aws) == (("google-sven",), ("aws-sven",))
    assert judged(there, roster=known) == Verdict()


def test_another_aws_group_begins_anew() -> None:
    """Who is in an Identity Center group when it is mapped stands there; who is a stranger at Google stays one."""
    known = replace(LOOKED, aws_group_id="g-0", aws=("aws-old",))
    there = members(("sven",), ("sven", "ines"), named=("sven", "ines"))
    roster, strangers = rosters.rebased(known, there, judged(there, roster=known).strangers)
    assert (roster.aws_group_id, roster.aws) == (AWS_GROUP, ("aws-ines", "aws-sven"))
    assert strangers == (Stranger(who="sven@example.com", google="google-sven"),)


def test_a_standing_member_who_is_away_for_a_day_is_forgotten() -> None:
    """A flicker changes nothing; who comes back after a day is news."""
    known = replace(LOOKED, google=("google-ines",), aws=("aws-ines",))
    away = rosters.looked_at(known, members(), (), NOW)
    assert dict(away.absent) == {"google-ines": NOW, "aws-ines": NOW}
    back = rosters.looked_at(away, members(("ines",), ("ines",)), (), NOW + MINUTE)
    assert (back.google, back.aws, dict(back.absent)) == (("google-ines",), ("aws-ines",), {})
    gone = rosters.looked_at(away, members(), (), NOW + timedelta(days=1))
    assert (gone.google, gone.aws, dict(gone.absent)) == ((), (), {})


@given(size=st.integers(0, 200), before=st.integers(0, 50), new=st.integers(0, 50))
def test_the_brake_allows_three_or_a_fifth_an_hour(size: int, before: int, new: int) -> None:
    """Within an hour no more than three members, or a fifth of the group if that is more, may be removed."""
    roster = replace(LOOKED, removals=tuple(Removal(at=NOW - MINUTE, member=str(n), who=str(n)) for n in range(before)))
    assert rosters.may_remove(roster, size, new, NOW) == (before + new <= max(3, size // 5))
    assert rosters.may_remove(roster, size, new, NOW + timedelta(hours=1)) == (new <= max(3, size // 5))


def test_the_brake_holds_until_it_is_released_for_an_hour() -> None:
    """With the brake on nobody is removed however much time passes; a release lifts the limit, for an hour."""
    braked = replace(LOOKED, braked_at=NOW)
    assert not rosters.may_remove(braked, 100, 1, NOW + timedelta(days=9))
    free = rosters.released(braked, NOW)
    assert rosters.may_remove(free, 10, 10, NOW + 59 * MINUTE)
    assert not rosters.may_remove(free, 10, 10, NOW + 60 * MINUTE)


def test_the_brake_comes_off_when_nobody_is_left_to_remove() -> None:
    """Once a look finds no stranger any more, the brake has nothing to hold."""
    braked = replace(LOOKED, braked_at=NOW)
    sven = Stranger(who="sven@example.com", google="google-sven")
    assert rosters.looked_at(braked, members(("sven",)), (sven,), NOW).braked_at == NOW
    assert rosters.looked_at(braked, members(), (), NOW).braked_at is None


def test_a_removal_counts_once_until_it_is_done() -> None:
    """Trying again is the same removal; a member who was read gone and is there again is another one."""
    sven = Stranger(who="sven@example.com", google="google-sven", aws="aws-sven")
    begun = rosters.removing(LOOKED, sven, NOW)
    assert rosters.is_counted(begun, sven.key, NOW)
    assert rosters.is_counted(begun, replace(sven, aws="").key, NOW)
    assert not rosters.is_counted(begun, "google-ines", NOW)
    assert not rosters.is_counted(rosters.removed(begun, sven.key, NOW), sven.key, NOW)
    assert not rosters.is_counted(rosters.looked_at(begun, members(), (), NOW), sven.key, NOW)
    assert len(rosters.removed(begun, sven.key, NOW).removals) == 1


PEOPLE = ("maya", "noah", "ines", "sven")
some = st.sets(st.sampled_from(PEOPLE))


@given(granted=some, standing=some, in_google=some, in_aws=some, left=some)
def test_nobody_with_a_right_is_a_stranger_and_everybody_else_is_seen(
    granted: set[str], standing: set[str], in_google: set[str], in_aws: set[str], left: set[str]
) -> None:
    """Every membership is accounted for by a grant, the roster, a sync's copy or a pair; what is not, is a stranger."""
    roster = replace(
        LOOKED,
        google=tuple(sorted(f"google-{p}" for p in standing)),
        aws=tuple(sorted(f"aws-{p}" for p in standing)),
    )
    there = members(tuple(in_google), tuple(in_aws), named=PEOPLE)
    gone = tuple(pair(p, at_google=False, in_aws=False) for p in left - granted)
    verdict = judged(there, tuple(grant(p) for p in granted), roster=roster, left=gone)
    rightful = granted | standing | left
    assert {s.google for s in verdict.strangers if s.google} == {f"google-{p}" for p in in_google - rightful}
    assert {s.aws for s in verdict.strangers if s.aws} == {f"aws-{p}" for p in in_aws - rightful}
    missing = {p for p in granted if p not in in_google or p not in in_aws}
    back = {p for p in left - granted - standing if p in in_google or p in in_aws}
    assert set(verdict.unsettled) == {f"{GROUP}/google-{p}" for p in missing | back}
