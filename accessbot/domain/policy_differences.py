"""What differs between two policies, each difference with which way it goes. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.domain.durations import spoken
from accessbot.domain.model import Selector, SelectorKind
from accessbot.domain.signs import Sign, people

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import timedelta

    from accessbot.domain.rules import Emergency, Policy, Step, Ticket

    Signed = tuple[Sign, str]

_EVERYONE = Selector(SelectorKind.EVERYONE)


def of(old: Policy, new: Policy) -> Iterator[Signed]:
    """Tell what differs for whoever asks, and for whoever decides; a policy's name alone is no difference."""
    yield from _requesters(old, new)
    yield from _steps(old, new)
    yield from _flag(old.distinct, new.distinct, "one person may count in several steps", loosens=False)
    yield from _flag(old.delegation, new.delegation, "approvers who are away may have somebody decide", loosens=True)
    yield from _length(old.max_duration, new.max_duration, "at most {} at once")
    yield from _choices(old.durations, new.durations)
    if old.default_duration != new.default_duration:
        yield Sign.NEITHER, f"{spoken(new.default_duration)} unless chosen instead of {spoken(old.default_duration)}"
    yield from _per_day(old.per_day, new.per_day)
    if old.cool_down != new.cool_down:
        sign = Sign.GAIN if new.cool_down < old.cool_down else Sign.LOSS
        yield sign, f"a pause of {_pause(new.cool_down)} after an end instead of {_pause(old.cool_down)}"
    yield from _ticket(old.ticket, new.ticket)
    yield from _emergency(old.emergency, new.emergency)


def _requesters(old: Policy, new: Policy) -> Iterator[Signed]:
    before, after = set(old.requesters), set(new.requesters)
    if _EVERYONE in before and _EVERYONE in after:
        return
    if _EVERYONE in after:
        yield Sign.GAIN, f"may be asked for by everyone, not just by {people(before)}"
    elif _EVERYONE in before:
        yield Sign.LOSS, f"may be asked for by {people(after)} alone, no longer by everyone"
    else:
        yield from _sets(before, after, "may be asked for by {}", "may no longer be asked for by {}")


def _sets(old: Iterable[Selector], new: Iterable[Selector], gained: str, lost: str) -> Iterator[Signed]:
    before, after = set(old), set(new)
    if after - before:
        yield Sign.GAIN, gained.format(people(after - before))
    if before - after:
        yield Sign.LOSS, lost.format(people(before - after))


def _steps(old: Policy, new: Policy) -> Iterator[Signed]:
    if len(old.steps) != len(new.steps):
        sign = Sign.GAIN if len(new.steps) < len(old.steps) else Sign.LOSS
        yield sign, f"decided in {_count(len(new.steps), 'step')} instead of {len(old.steps)}"
        yield from _sets(old.approvers, new.approvers, "may be decided by {}", "may no longer be decided by {}")
        if old.approvals != new.approvals:
            yield _fewer(old.approvals, new.approvals), _approvals(old.approvals, new.approvals, "")
        # Who was needed in one step may now do in another; nothing tells whether that is easier.
        yield Sign.EITHER, f"its steps are {'; '.join(_step(step) for step in new.steps)}"
        return
    for number, (before, after) in enumerate(zip(old.steps, new.steps, strict=True), 1):
        yield from _one_step(before, after, f" in step {number}" if len(new.steps) > 1 else "")


def _one_step(old: Step, new: Step, where: str) -> Iterator[Signed]:
    yield from _sets(
        old.approvers, new.approvers, f"may be decided{where} by {{}}", f"may no longer be decided{where} by {{}}"
    )
    if old.approvals != new.approvals:
        yield _fewer(old.approvals, new.approvals), _approvals(old.approvals, new.approvals, where)
    late = f"{where} when nobody else does in time"
    yield from _sets(
        old.escalation, new.escalation, f"may be decided by {{}}{late}", f"may no longer be decided by {{}}{late}"
    )
    if old.timeout != new.timeout:
        yield _timeout_sign(old, new), f"{_waits(new.timeout)} for a decision{where} instead of {_waits(old.timeout)}"
    if set(old.told) != set(new.told):
        yield Sign.NEITHER, f"tells {people(new.told) or 'nobody in particular'}{where}"


def _timeout_sign(old: Step, new: Step) -> Sign:
    """Tell which way another timeout goes: with an escalation more may decide sooner, else it ends sooner."""
    sooner = new.timeout is not None and (old.timeout is None or new.timeout < old.timeout)
    return Sign.GAIN if sooner == bool(new.escalation or old.escalation) else Sign.LOSS


def _waits(timeout: timedelta | None) -> str:
    return f"waits {spoken(timeout)}" if timeout is not None else "waits without a limit of its own"


def _fewer(old: int, new: int) -> Sign:
    return Sign.GAIN if new < old else Sign.LOSS


def _approvals(old: int, new: int, where: str) -> str:
    return f"takes {_count(new, 'approval')}{where} instead of {old}"


def _step(step: Step) -> str:
    return f"{step.approvals} of {people(step.approvers)}"


def _flag(old: bool, new: bool, what: str, *, loosens: bool) -> Iterator[Signed]:  # noqa: FBT001 - the two values
    if old is not new:
        yield (Sign.GAIN, what) if new is loosens else (Sign.LOSS, f"no longer: {what}")


def _length(old: timedelta, new: timedelta, what: str) -> Iterator[Signed]:
    if old != new:
        yield (Sign.GAIN if new > old else Sign.LOSS), f"{what.format(spoken(new))} instead of {spoken(old)}"


def _choices(old: tuple[timedelta, ...], new: tuple[timedelta, ...]) -> Iterator[Signed]:
    if set(old) == set(new):
        return
    if not new:
        yield Sign.GAIN, f"for any time up to the maximum, not just {_spoken(old)}"
    elif not old:
        yield Sign.LOSS, f"for {_spoken(new)} alone, no longer for any time up to the maximum"
    else:
        if set(new) - set(old):
            yield Sign.GAIN, f"also for {_spoken(set(new) - set(old))}"
        if set(old) - set(new):
            yield Sign.LOSS, f"no longer for {_spoken(set(old) - set(new))}"


def _per_day(old: timedelta | None, new: timedelta | None) -> Iterator[Signed]:
    if old == new:
        return
    said = "any time" if new is None else f"at most {spoken(new)}"
    sign = Sign.GAIN if new is None or (old is not None and new > old) else Sign.LOSS
    yield sign, f"{said} in 24 hours instead of {'any' if old is None else spoken(old)}"


def _ticket(old: Ticket | None, new: Ticket | None) -> Iterator[Signed]:
    if old == new:
        return
    if new is None:
        yield Sign.GAIN, "needs no ticket any more"
    elif old is None:
        yield Sign.LOSS, f"needs a ticket like {new.pattern}"
    elif (old.pattern, old.check) == (new.pattern, new.check):
        yield Sign.NEITHER, f"a ticket is checked within {spoken(new.timeout)} instead of {spoken(old.timeout)}"
    else:
        unchecked = "" if new.check else ", which nobody is asked about"
        yield Sign.EITHER, f"needs a ticket like {new.pattern}{unchecked}, instead of {old.pattern}"


def _emergency(old: Emergency | None, new: Emergency | None) -> Iterator[Signed]:
    if old is None and new is not None:
        yield Sign.GAIN, f"in an emergency, at once, for {people(new.eligible)}"
    elif new is None and old is not None:
        yield Sign.LOSS, f"no longer in an emergency for {people(old.eligible)}"
    elif old is not None and new is not None:
        yield from _sets(old.eligible, new.eligible, "in an emergency, at once, for {}", "in no emergency for {}")
        yield from _sets(old.owners, new.owners, "emergencies are reviewed by {}", "emergencies are not reviewed by {}")
        yield from _length(old.max_duration, new.max_duration, "in an emergency at most {} at once")
        if (old.most, old.within) != (new.most, new.within):
            easier, harder = new.most >= old.most and new.within <= old.within, old.within <= new.within
            sign = Sign.GAIN if easier else Sign.LOSS if harder and new.most <= old.most else Sign.EITHER
            before = f"{old.most} in {spoken(old.within)}"
            yield sign, f"{new.most} emergencies of one person in {spoken(new.within)} at most, not {before}"
        if old.incident != new.incident:
            yield Sign.EITHER, f"an emergency names an incident like {new.incident} instead of {old.incident}"
        if (old.default_duration, old.remind) != (new.default_duration, new.remind):
            yield Sign.NEITHER, "another usual time of emergencies, or other reminders of their review"


def _spoken(times: Iterable[timedelta]) -> str:
    return ", ".join(map(spoken, sorted(times)))


def _pause(pause: timedelta) -> str:
    return spoken(pause) if pause else "nothing"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
