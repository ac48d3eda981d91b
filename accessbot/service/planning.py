"""Planning: what the next sweep of a group would find, and do about it, without doing any of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from accessbot.domain import rosters
from accessbot.domain.errors import Ambiguous, Missing, NotAuthorised, Unavailable, VendorError
from accessbot.domain.groups import ALL_GROUPS
from accessbot.domain.model import GrantState
from accessbot.domain.rosters import Reconcile
from accessbot.service import evicting, mapping, reconciling
from accessbot.service.schedule import back_off

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from accessbot.domain.model import Catalog, Entitlement
    from accessbot.ports import Store
    from accessbot.service.context import Context
    from accessbot.service.reconciling import Look

_T = TypeVar("_T")

_TRIES = 5
_LONGEST_PAUSE = timedelta(seconds=5)
_GIVE_UP_AFTER = 3


class Differs(StrEnum):
    """In what way a group is not as it should be."""

    MISSING = "missing"  # a live grant's membership is not there
    OUTLIVED = "outlived"  # a membership of ours is there although its last grant has ended
    OUT_OF_BAND = "out_of_band"  # a member whom nobody granted
    MAPPING = "mapping"  # the group opens something else, or is another one than before
    UNREAD = "unread"  # it could not be read, so nothing is known


class Then(StrEnum):
    """What a sweep would do about it."""

    PUT_BACK = "put back"
    REMOVE = "remove"
    REPORT = "report"
    ADOPT = "adopt"
    HOLD = "held by the brake"
    CLOSE = "closed for new grants"
    RETRY = "try again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that differs: about whom or what, in words, and what would be done."""

    what: Differs
    who: str
    then: Then


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the next sweep of a group would come to.

    `google` and `aws` count the standing members; None when they could not be read. With `first` nobody looked at the
    group before, so all who are there would begin to count as standing.
    """

    group: str
    entitlement: str
    differences: tuple[Difference, ...] = ()
    google: int | None = None
    aws: int | None = None
    first: bool = False

    @property
    def removals(self) -> int:
        """Count the out-of-band members that would be removed."""
        return sum(each.what is Differs.OUT_OF_BAND and each.then is Then.REMOVE for each in self.differences)


def groups_of(store: Store, catalog: Catalog) -> tuple[str, ...]:
    """List every group that is swept: those of the catalog, and those that grants still live on."""
    mapped = {entitlement.group for entitlement in catalog.entitlements.values()}
    live = store.grants([GrantState.PROVISIONING, GrantState.ACTIVE, GrantState.REVOKING])
    return tuple(sorted(mapped | {grant.google_group for grant in live}))


def plans(ctx: Context, groups: tuple[str, ...]) -> Iterator[Plan]:
    """Look at groups one after another and say what would be done; nothing is changed and nothing is recorded.

    A group that cannot be read gives a plan that says so. When several in a row cannot, because a vendor is away or
    does not allow it, those that are left are not tried.
    """
    beside = silent = 0
    why = ""
    for group in groups:
        entitlement = next(iter(ctx.catalog.current().of_group(group)), None)
        if silent >= _GIVE_UP_AFTER:
            yield _unread(group, entitlement, f"not looked at, as the groups before it could not be read: {why}")
            continue
        try:
            plan = _plan(ctx, group, entitlement, beside)
        except VendorError as error:
            silent = silent + 1 if isinstance(error, Unavailable | NotAuthorised) else 0
            why = error.sentence
            yield _unread(group, entitlement, why)
            continue
        silent = 0
        beside += plan.removals
        yield plan


def _plan(ctx: Context, group: str, entitlement: Entitlement | None, beside: int) -> Plan:
    name = entitlement.id if entitlement is not None else ""
    found = [*_mapping(ctx, entitlement)] if entitlement is not None else []
    try:
        seen = _patiently(ctx, lambda: reconciling.look(ctx, group))
    except Missing as error:
        if not found:
            found.append(Difference(what=Differs.MAPPING, who=error.sentence, then=Then.CLOSE))
        return Plan(group=group, entitlement=name, differences=tuple(found))
    if seen is None:
        return Plan(group=group, entitlement=name, differences=tuple(found))
    found += _pairs(ctx, seen)
    standing = rosters.adopted(seen.roster, seen.members, reconciling.present(ctx, seen))
    if not seen.first:
        standing, strangers = rosters.rebased(seen.roster, seen.members, seen.verdict.strangers)
        then = Then(seen.policy)
        if strangers and seen.policy is Reconcile.REMOVE:
            held, _ = evicting.brake(ctx, group, seen.members, strangers, beside)
            then = Then.REMOVE if held is None else Then.HOLD
        found += [Difference(what=Differs.OUT_OF_BAND, who=each.words, then=then) for each in strangers]
    return Plan(
        group=group,
        entitlement=name,
        differences=tuple(found),
        google=len(standing.google),
        aws=len(standing.aws),
        first=seen.first,
    )


def _pairs(ctx: Context, seen: Look) -> Iterator[Difference]:
    """Tell a grant's missing membership from one that is there after its grant ended."""
    live = {grant.pair: grant.email for grant in seen.grants if grant.state is GrantState.ACTIVE}
    for pair in seen.verdict.unsettled:
        if pair in live:
            yield Difference(what=Differs.MISSING, who=live[pair], then=Then.PUT_BACK)
            continue
        user = pair.rpartition("/")[2]
        member = seen.members.google.get(user)
        name = member.email if member is not None else ""
        yield Difference(what=Differs.OUTLIVED, who=name or _email(ctx, user), then=Then.REMOVE)


def _email(ctx: Context, user: str) -> str:
    try:
        return ctx.directory.user(user).email
    except VendorError:
        return f"the Google user {user}"  # a name is a courtesy: the look itself was whole


def _mapping(ctx: Context, entitlement: Entitlement) -> Iterator[Difference]:
    known = ctx.store.mapping(entitlement.group)
    now = ctx.store.now()
    try:
        fault = _patiently(ctx, lambda: mapping.read(ctx, entitlement, known, now)).fault
    except (Missing, Ambiguous) as error:
        fault = error.sentence
    if fault:
        yield Difference(what=Differs.MAPPING, who=fault, then=Then.CLOSE)


def _patiently(ctx: Context, read: Callable[[], _T]) -> _T:
    """Read again a few times while a vendor is away or at its quota, of which sweeps leave a part to grants."""
    for attempt in range(1, _TRIES):
        try:
            return read()
        except Unavailable as error:
            ctx.pause(min(back_off(attempt, _LONGEST_PAUSE, error.retry_after), 2 * _LONGEST_PAUSE))
    return read()


def _unread(group: str, entitlement: Entitlement | None, why: str) -> Plan:
    return Plan(
        group=group,
        entitlement=entitlement.id if entitlement is not None else "",
        differences=(Difference(what=Differs.UNREAD, who=why, then=Then.RETRY),),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a look that was asked for came to: is it over, who is out of band still, and what is wrong otherwise."""

    group: str
    done: bool
    left: tuple[str, ...] = ()
    braked: bool = False
    faults: str = ""

    @property
    def right(self) -> bool:
        """Tell whether the group was looked at and nothing is left to do about it."""
        return self.done and not self.left and not self.braked and not self.faults


def outcome(store: Store, catalog: Catalog, group: str) -> Outcome:
    """Read what came of a look that was asked for, removals that follow from it included."""
    roster = store.roster(group)
    found = store.mapping(group)
    if roster is None or roster.asked_at is not None:
        return Outcome(group=group, done=False)
    everywhere = store.roster(ALL_GROUPS)
    released = rosters.is_released(roster, store.now())
    held = everywhere is not None and everywhere.braked_at is not None and not released
    braked = roster.braked_at is not None or held
    looked = roster.looked_at
    # Who was removed before that look and is in the group again is not gone.
    gone = {each.who for each in roster.removals if each.done and looked is not None and each.at >= looked}
    left = tuple(who for who in roster.strangers if who not in gone)
    removing = bool(left) and not braked and Reconcile(catalog.reconcile) is Reconcile.REMOVE
    return Outcome(
        group=group,
        done=not removing,
        left=left,
        braked=braked and bool(left),
        faults=found.faults if found is not None else "",
    )
