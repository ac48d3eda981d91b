"""How a catalog's rules are judged: what is asked for, by whom and when, against every rule in its order.

Deny rules are looked at first, and any that matches denies. Of the others the first that matches decides; where none
does, the entitlement's own policy decides. Nothing here looks anything up: whether a selector covers the requester and
what an expression gives is passed in. What cannot be told is raised, so that it never reads as a yes or a no.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from accessbot.domain.errors import Refused
from accessbot.domain.policy import covers
from accessbot.domain.rules import Day, Effect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from accessbot.domain.model import Entitlement, Identity, Selector
    from accessbot.domain.rules import Condition, Hours, Policy, Rule, Ticket

_DAYS: Final = tuple(Day)
_ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is judged: who asks for what, for how long, when (an aware time), and why."""

    entitlement: Entitlement
    duration: timedelta
    requester: Identity
    at: datetime
    reason: str = ""
    emergency: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a question comes to.

    `rule` names the rule that matched, "" where none did and the entitlement's own policy decides. `policy` says who
    decides in which steps, or just for how long at most where nobody has to. The reason has to name all `tickets`.
    """

    effect: Effect
    rule: str
    policy: Policy
    reason: str = ""
    tickets: tuple[Ticket, ...] = ()
    told: tuple[Selector, ...] = ()

    @property
    def said(self) -> str:
        """Name for people what decides: `rule “on call at once”` or `policy “sensitive”`."""
        return f"rule “{self.rule}”" if self.rule else f"policy “{self.policy.name}”"


@dataclass(frozen=True, slots=True)
class Look:
    """One rule that was looked at, and the first of its conditions that failed; "" when the rule matches."""

    rule: Rule
    missed: str

    @property
    def matches(self) -> bool:
        """Tell whether the rule matches."""
        return not self.missed


def judge(
    rules: Sequence[Rule],
    question: Question,
    holds: Callable[[Selector], bool],
    evaluate: Callable[[str, Mapping[str, object]], bool],
) -> Verdict:
    """Give the verdict of the rules, or of the entitlement's own policy where none matches.

    `holds` tells whether a selector covers the requester, `evaluate` what a CEL expression gives for the variables.
    Whatever they raise (`VendorError`, `Refused`) is raised here: a rule that cannot be judged is no verdict. A rule
    that its names, tags, duration or hours rule out asks neither.
    """
    for look in looks(rules, question, holds, evaluate):
        if look.matches:
            return verdict_of(look.rule, question.entitlement.policy)
    return verdict_of(None, question.entitlement.policy)


def looks(
    rules: Sequence[Rule],
    question: Question,
    holds: Callable[[Selector], bool],
    evaluate: Callable[[str, Mapping[str, object]], bool],
) -> Iterator[Look]:
    """Look at one rule after another in the order in which they count; raises like `judge`, as it comes to a rule."""
    judging = _Judging(question, holds, evaluate)
    for denies in (True, False):
        for rule in rules:
            if (rule.effect is Effect.DENY) is denies:
                yield Look(rule, judging.missed_by(rule))


def concerns(rule: Rule, entitlement: Entitlement) -> bool:
    """Tell whether a rule can match for an entitlement, whoever asks for it, when and for how long."""
    return not _misplaced(rule.when, entitlement)


def verdict_of(rule: Rule | None, own: Policy) -> Verdict:
    """Give what a rule that matches comes to for an entitlement with its `own` policy; None for no rule at all."""
    if rule is None:
        return Verdict(effect=Effect.POLICY, rule="", policy=own, tickets=_tickets(own.ticket))
    if rule.effect is Effect.DENY:
        return Verdict(effect=Effect.DENY, rule=rule.name, policy=own, reason=rule.reason)
    policy = own if rule.effect is Effect.APPROVE or rule.policy is None else rule.policy
    return Verdict(
        effect=rule.effect,
        rule=rule.name,
        policy=policy,
        reason=rule.reason,
        tickets=_tickets(policy.ticket, rule.ticket),
        told=rule.told,
    )


def variables(question: Question) -> dict[str, object]:
    """Give a question as the variables that expressions know, as plain data; `duration` and `now` keep their types."""
    entitlement, account = question.entitlement, question.entitlement.account
    return {
        "requester": {"email": question.requester.email, "slack": question.requester.slack},
        "entitlement": {"id": entitlement.id, "tags": {**account.tags, **entitlement.tags}},
        "account": {
            "key": account.key,
            "id": account.id,
            "name": account.name,
            "unit": account.unit,
            "tags": dict(account.tags),
        },
        "permission_set": entitlement.permission_set,
        "duration": question.duration,
        "now": question.at,
        "emergency": question.emergency,
        "reason": question.reason,
    }


def named(names: tuple[str, ...], text: str) -> bool:
    """Tell whether a text is one of the names, in which `*` stands for any text; upper and lower case differ."""
    literal, wild = _compiled(names)
    return text in literal or any(_fits(pieces, text) for pieces in wild)


def within(hours: Hours, at: datetime) -> bool:
    """Tell whether a time is in that part of the week.

    It begins and ends at the first moment at which the clock of its zone shows that time or a later one. So what the
    clock skips in spring neither lengthens nor shortens it elsewhere, and what it shows twice in autumn begins and
    ends it once; parts of the week that adjoin never overlap and leave no gap.
    """
    local = at.astimezone(hours.zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    over = _ONE_DAY if hours.ends <= hours.begins else timedelta(0)
    for day in (midnight, midnight - _ONE_DAY) if over else (midnight,):
        if (
            _DAYS[day.weekday()] in hours.days
            and _reached(datetime.combine(day, hours.begins, hours.zone), local)
            and not _reached(datetime.combine(day + over, hours.ends, hours.zone), local)
        ):
            return True
    return False


class _Judging:
    """One question on its way through the rules; what expressions know is put together once, and only if needed."""

    __slots__ = ("_evaluate", "_holds", "_question", "_variables")

    def __init__(
        self,
        question: Question,
        holds: Callable[[Selector], bool],
        evaluate: Callable[[str, Mapping[str, object]], bool],
    ) -> None:
        self._question = question
        self._holds = holds
        self._evaluate = evaluate
        self._variables: Mapping[str, object] | None = None

    def missed_by(self, rule: Rule) -> str:
        """Name the first condition of a rule that fails; "" when it matches. All that costs nothing comes first."""
        missed = self._plainly_missed(rule.when)
        if missed:
            return missed
        exempting = rule.unless if rule.unless is not None and not self._plainly_missed(rule.unless) else None
        if exempting is not None and not (exempting.expression or exempting.requesters):
            return "unless"
        missed = self._costly_missed(rule.when, rule)
        if missed:
            return missed
        exempt = exempting is not None and not self._costly_missed(exempting, rule)
        return "unless" if exempt else ""

    def _plainly_missed(self, condition: Condition) -> str:
        """Name the first condition that fails among those that need nobody's answer."""
        return _misplaced(condition, self._question.entitlement) or _mistimed(condition, self._question)

    def _costly_missed(self, condition: Condition, rule: Rule) -> str:
        """Name the first condition that fails among the others: the expression, then who asks."""
        if condition.expression and not self._gives(condition.expression, rule):
            return "expression"
        if condition.requesters and not covers(condition.requesters, self._holds):
            return "requesters"
        return ""

    def _gives(self, expression: str, rule: Rule) -> bool:
        """Evaluate an expression; what it fails with names the rule."""
        if self._variables is None:
            self._variables = variables(self._question)
        try:
            return self._evaluate(expression, self._variables)
        except Refused as error:
            raise Refused(f"The rule “{rule.name}” cannot be judged, so nothing is given: {error.sentence}") from error


def _misplaced(condition: Condition, entitlement: Entitlement) -> str:
    """Name the first condition that the entitlement fails, "" if none."""
    account = entitlement.account
    if condition.entitlements and not named(condition.entitlements, entitlement.id):
        return "entitlements"
    if condition.accounts and not named(condition.accounts, account.key):
        return "accounts"
    if condition.units and not any(_below(account.unit, unit) for unit in condition.units):
        return "units"
    if condition.tags and not _tagged(entitlement, condition.tags):
        return "tags"
    if condition.permission_sets and not named(condition.permission_sets, entitlement.permission_set):
        return "permission_sets"
    return ""


def _mistimed(condition: Condition, question: Question) -> str:
    """Name the first condition that the duration or the time fails, "" if none."""
    too_short = condition.above is not None and question.duration <= condition.above
    if too_short or (condition.at_most is not None and question.duration > condition.at_most):
        return "duration"
    if condition.hours and not any(within(part, question.at) for part in condition.hours):
        return "hours"
    return ""


def _tickets(*tickets: Ticket | None) -> tuple[Ticket, ...]:
    return tuple(dict.fromkeys(ticket for ticket in tickets if ticket is not None))


def _below(unit: str, above: str) -> bool:
    """Tell whether an organizational unit is another one or lies below it; no unit lies below none."""
    return unit == above or unit.startswith(above + "/")


def _tagged(entitlement: Entitlement, tags: Mapping[str, str]) -> bool:
    """Tell whether all tags are there; an entitlement has its account's tags beneath its own."""
    own, account = entitlement.tags, entitlement.account.tags
    return all((own[key] if key in own else account.get(key)) == value for key, value in tags.items())


def _reached(mark: datetime, local: datetime) -> bool:
    """Tell whether the clock of a zone shows or has shown a time of its own.

    While it shows an hour for the second time it has shown all that is shown twice.
    """
    if local.replace(tzinfo=None) >= mark.replace(tzinfo=None):
        return True
    return bool(local.fold) and mark.replace(fold=0).utcoffset() != mark.replace(fold=1).utcoffset()


@lru_cache(maxsize=8192)
def _compiled(names: tuple[str, ...]) -> tuple[frozenset[str], tuple[tuple[str, ...], ...]]:
    """Part names into those without a `*` and the pieces of those with one."""
    literal = frozenset(name for name in names if "*" not in name)
    return literal, tuple(tuple(name.split("*")) for name in names if "*" in name)


def _fits(pieces: tuple[str, ...], text: str) -> bool:
    """Tell whether a text is made of the pieces in their order with anything between them; takes linear time."""
    first, *inner, last = pieces
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    begin, end = len(first), len(text) - len(last)
    for piece in inner:
        found = text.find(piece, begin, end)
        if found < 0:
            return False
        begin = found + len(piece)
    return True
