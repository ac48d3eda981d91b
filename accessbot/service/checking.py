"""Checking a catalog against Google, Slack and the on-call sources: what it names has to be there, and to suffice.

A file can be right by itself and still let nobody decide: a group is empty, a person left, a rota has a hole. All of it
is read live and only read. What cannot be read is a finding too, as nothing is known then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from accessbot.domain.errors import Missing, NotAuthorised, Unavailable, VendorError
from accessbot.domain.model import SelectorKind
from accessbot.domain.oncall import Rotation, UserGroup
from accessbot.domain.rotations import gaps
from accessbot.service import naming, oncall

if TYPE_CHECKING:
    from accessbot.domain.model import Catalog, GroupMember, Selector
    from accessbot.domain.oncall import Schedule, Shift
    from accessbot.domain.rules import Policy, Step
    from accessbot.service.context import Context

AHEAD = oncall.AHEAD
"""How far ahead a schedule must have somebody on call."""

Show = Callable[[str, int, int | None], None]
"""Tells how far a check is: what it looks at, how much is done, and of how much (None: unknown)."""

_MOST_GAPS = 3
_GIVE_UP_AFTER = 3
_TRIES = 4
_PATIENCE = timedelta(seconds=10)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that has to be mended: what it is about, and the sentence that says so."""

    about: str
    sentence: str


def look(ctx: Context, catalog: Catalog, now: datetime, show: Show) -> Iterator[Finding]:
    """Look at everything that a catalog names outside of itself, and give what is wrong with it; changes nothing."""
    reader = _Reader(ctx)
    named = naming.everybody(catalog)
    yield from _groups(reader, catalog, named, show)
    yield from _people(reader, named, show)
    yield from _usergroups(reader, named, show)
    on_call: dict[str, frozenset[str] | None] = {}
    for number, schedule in enumerate(catalog.schedules.values()):
        show("Schedules", number, len(catalog.schedules))
        yield from _schedule(reader, schedule, now, on_call)
    for number, policy in enumerate(catalog.policies.values()):
        show("Policies", number, len(catalog.policies))
        yield from _deciders(reader, policy, on_call)
    yield from reader.untold()


@dataclass(slots=True)
class _Reader:
    """Asks each thing once. A vendor that does not answer several times in a row is not asked any more."""

    ctx: Context
    _members: dict[str, tuple[GroupMember, ...] | VendorError] = field(default_factory=dict)
    _users: dict[str, str | VendorError] = field(default_factory=dict)
    _usergroups: dict[str, frozenset[str] | VendorError] = field(default_factory=dict)
    _failures: dict[str, int] = field(default_factory=dict)
    _passed_over: dict[str, int] = field(default_factory=dict)

    def members(self, group: str) -> tuple[GroupMember, ...] | VendorError:
        """List a Google group's direct members, or give why that cannot be."""
        if group not in self._members:
            self._members[group] = self._ask("Google", lambda: self.ctx.directory.members(group))
        return self._members[group]

    def usergroup(self, usergroup: str) -> frozenset[str] | VendorError:
        """List a Slack user group, or give why that cannot be."""
        if usergroup not in self._usergroups:
            self._usergroups[usergroup] = self._ask("Slack", lambda: self.ctx.workspace.usergroup(usergroup))
        return self._usergroups[usergroup]

    def fault_of(self, email: str) -> str | VendorError:
        """Say what is wrong with a person's Google account, "" for nothing, or give why it cannot be told."""
        if email not in self._users:
            answer = self._ask("Google", lambda: self.ctx.directory.user(email))
            if isinstance(answer, Missing):
                self._users[email] = "is not known to Google; correct the address, or take it out."
            elif isinstance(answer, VendorError):
                self._users[email] = answer
            elif answer.suspended or answer.archived:
                state = "suspended" if answer.suspended else "archived"
                self._users[email] = f"is {state} in Google; take the person out."
            elif answer.email != email:
                self._users[email] = (
                    f"is another address of {answer.email}, and only that one counts; write it instead."
                )
            else:
                self._users[email] = ""
        return self._users[email]

    def untold(self) -> Iterator[Finding]:
        """Say what was not looked at."""
        for vendor, number in self._passed_over.items():
            things = "thing was" if number == 1 else "things were"
            yield Finding(vendor, f"does not answer, so {number:,} more {things} not looked at; check again later.")

    def nested(self, group: str) -> list[str]:
        """List the groups in a group, [] when they cannot be read."""
        members = self.members(group)
        return [] if isinstance(members, VendorError) else [m.email for m in members if m.type == "GROUP" and m.email]

    def people_in(self, group: str) -> frozenset[str] | None:
        """List everybody in a group and the groups in it, by address; None when it is not known or has everyone."""
        found: set[str] = set()
        seen = {group}
        waiting = [group]
        while waiting:
            members = self.members(waiting.pop())
            if isinstance(members, VendorError) or any(m.type not in ("USER", "GROUP") for m in members):
                return None
            found |= {m.email.casefold() for m in members if m.type == "USER"}
            new = {m.email.casefold() for m in members if m.type == "GROUP"} - seen
            seen |= new
            waiting += new
        return frozenset(found)

    def _ask(self, vendor: str, call: Callable[[], _T]) -> _T | VendorError:
        if self._failures.get(vendor, 0) >= _GIVE_UP_AFTER:
            self._passed_over[vendor] = self._passed_over.get(vendor, 0) + 1
            return Unavailable(vendor, "not asked", "")
        answer = self._asked(call)
        away = isinstance(answer, Unavailable | NotAuthorised)
        self._failures[vendor] = self._failures.get(vendor, 0) + 1 if away else 0
        return answer

    def _asked(self, call: Callable[[], _T]) -> _T | VendorError:
        """Ask, and again where the vendor (or its quota) only wants to be asked later."""
        for _ in range(_TRIES - 1):
            try:
                return call()
            except Unavailable as error:
                if error.retry_after is None:
                    return error
                self.ctx.pause(min(error.retry_after, _PATIENCE))
            except VendorError as error:
                return error
        try:
            return call()
        except VendorError as error:
            return error


# --- groups -----------------------------------------------------------------------------------------------------------


def _groups(reader: _Reader, catalog: Catalog, named: dict[Selector, tuple[str, ...]], show: Show) -> Iterator[Finding]:
    """Tell of groups that are not there, and of those that hold each other in a circle."""
    places = {one.value: used for one, used in named.items() if one.kind is SelectorKind.GROUP}
    for entitlement in catalog.entitlements.values():
        places.setdefault(entitlement.group, (f"group of entitlement “{entitlement.id}”",))
    for number, (group, used) in enumerate(places.items()):
        show("Groups", number, len(places))
        fault = _unread(reader.members(group))
        if fault:
            yield Finding(_listed(used), f"{group}: {fault}")
    yield from _nested(reader, places)


def _nested(reader: _Reader, groups: Iterable[str]) -> Iterator[Finding]:
    """Walk down all groups in groups, once each; a group that is met again on the way down closes a circle."""
    done: set[str] = set()
    told: set[frozenset[str]] = set()
    top = set(groups)
    for first in groups:
        way: list[str] = []
        stack: list[tuple[str, Iterator[str]]] = []
        if first not in done:
            way, stack = [first], [(first, iter(reader.nested(first)))]
        while stack:
            group, inner = stack[-1]
            below = next((each.casefold() for each in inner), None)
            if below is None:
                stack.pop()
                done.add(way.pop())
            elif below in way:
                circle = way[way.index(below) :]
                if frozenset(circle) not in told:
                    told.add(frozenset(circle))
                    shown = " → ".join((*circle, below))
                    yield Finding(f"group {below}", f"holds itself: {shown}; take one of them out of the next.")
            elif below not in done:
                fault = "" if below in top else _unread(reader.members(below))
                if fault:
                    yield Finding(f"group {group}", f"holds {below}: {fault}")
                way.append(below)
                stack.append((below, iter(reader.nested(below))))


def _unread(answer: object) -> str:
    """Say why something could not be read, "" when it was, or when it was not even asked for."""
    return answer.sentence if isinstance(answer, VendorError) else ""


# --- people -----------------------------------------------------------------------------------------------------------


def _people(reader: _Reader, named: dict[Selector, tuple[str, ...]], show: Show) -> Iterator[Finding]:
    users = {one: used for one, used in named.items() if one.kind is SelectorKind.USER}
    for number, (one, used) in enumerate(users.items()):
        show("People", number, len(users))
        fault = reader.fault_of(one.value)
        if isinstance(fault, VendorError):
            if fault.sentence:
                yield Finding(_listed(used), f"{one.value}: {fault.sentence}")
        elif fault:
            yield Finding(_listed(used), f"{one.value} {fault}")


def _usergroups(reader: _Reader, named: dict[Selector, tuple[str, ...]], show: Show) -> Iterator[Finding]:
    usergroups = {one: used for one, used in named.items() if one.kind is SelectorKind.SLACK_USERGROUP}
    for number, (one, used) in enumerate(usergroups.items()):
        show("Slack user groups", number, len(usergroups))
        fault = _unread(reader.usergroup(one.value))
        if fault:
            yield Finding(_listed(used), f"{one}: {fault}")


# --- schedules --------------------------------------------------------------------------------------------------------


def _schedule(
    reader: _Reader, schedule: Schedule, now: datetime, on_call: dict[str, frozenset[str] | None]
) -> Iterator[Finding]:
    """Read one schedule, put whoever is on call in the time ahead into `on_call`, and tell what is wrong with it."""
    about = f"schedule “{schedule.name}”"
    on_call[schedule.name] = None
    try:
        shifts = oncall.read(reader.ctx, schedule, now)
        if isinstance(schedule.source, Rotation) and not oncall.people(reader.ctx, schedule.source):
            yield Finding(about, "takes turns in a group that has no users as direct members; add some.")
            on_call[schedule.name] = frozenset()
            return
    except VendorError as error:
        yield Finding(about, f"cannot be read: {error.sentence}")
        return
    ahead = [s for s in shifts if (s.ends is None or s.ends > now) and s.begins < now + AHEAD]
    on_call[schedule.name] = frozenset(s.who for s in ahead)
    yield from _holes(about, schedule, ahead, now)
    written = naming.in_schedule(schedule)
    for who in sorted({s.who for s in ahead} - written):
        fault = reader.fault_of(who) if "@" in who else ""
        if isinstance(fault, str) and fault:
            yield Finding(about, f"names {who}, who {fault}")
        elif isinstance(fault, VendorError) and fault.sentence:
            yield Finding(about, f"names {who}, who could not be looked up: {fault.sentence}")


def _holes(about: str, schedule: Schedule, ahead: list[Shift], now: datetime) -> Iterator[Finding]:
    if isinstance(schedule.source, UserGroup):
        if not ahead:
            yield Finding(about, f"has nobody on call: the Slack user group {schedule.source.id} is empty.")
        return
    holes = gaps(ahead, now, now + AHEAD)
    for begins, ends in holes[:_MOST_GAPS]:
        until = "" if ends == now + AHEAD else f" until {_when(ends)}"
        yield Finding(about, f"has nobody on call from {_when(begins)}{until}; fill the gap.")
    if len(holes) > _MOST_GAPS:
        yield Finding(about, f"has {len(holes) - _MOST_GAPS} more gaps within {AHEAD.days} days.")


def _when(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


# --- deciding ---------------------------------------------------------------------------------------------------------


def _deciders(reader: _Reader, policy: Policy, on_call: dict[str, frozenset[str] | None]) -> Iterator[Finding]:
    """Tell of steps in which too few people could decide, and of approver groups that are empty."""
    for number, step in enumerate(policy.steps, start=1):
        about = f"policy “{policy.name}”"
        if len(policy.steps) > 1:
            about = f"step {f'“{step.name}”' if step.name else number} of {about}"
        able = _able(reader, step, on_call)
        if able is not None and able < step.approvals:
            can = "nobody" if able == 0 else f"only {able} of the {step.approvals} people it takes"
            yield Finding(about, f"{can} could decide right now; add approvers.")
            continue
        for one in step.deciders:
            if _people_of(reader, one, on_call) == frozenset() and one.kind is not SelectorKind.ON_CALL:
                yield Finding(about, f"{one} is empty, so it lets nobody approve; add people, or take it out.")


def _able(reader: _Reader, step: Step, on_call: dict[str, frozenset[str] | None]) -> int | None:
    """Count those who could decide in a step, up to as many as it takes; None when they cannot be listed.

    Accounts that Google suspended do not count, nor do unknown ones.
    """
    everybody: set[str] = set()
    for one in step.deciders:
        people = _people_of(reader, one, on_call)
        if people is None:
            return None
        everybody |= people
    able = 0
    for who in sorted(everybody):
        fault = reader.fault_of(who) if "@" in who else ""
        if isinstance(fault, VendorError):
            return None
        able += not fault
        if able >= step.approvals:
            break
    return able


def _people_of(reader: _Reader, one: Selector, on_call: dict[str, frozenset[str] | None]) -> frozenset[str] | None:
    """List whom a selector names, by address or Slack id; None when that is not known beforehand."""
    match one.kind:
        case SelectorKind.USER:
            return frozenset({one.value})
        case SelectorKind.GROUP:
            return reader.people_in(one.value)
        case SelectorKind.SLACK_USERGROUP:
            people = reader.usergroup(one.value)
            return None if isinstance(people, VendorError) else people
        case SelectorKind.ON_CALL:
            return on_call.get(one.value)
    return None


def _listed(used: tuple[str, ...]) -> str:
    first, *rest = used
    return f"{first} (and {len(rest)} more)" if rest else first
