"""What a change of the catalog means: who gains, and who loses what, from one catalog to another. Pure.

Whatever lets somebody do more, or with less in the way, is a gain. Where it depends (a rule with another condition, an
entitlement that opens something else) it is called either, which is not to be taken for harmless.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from accessbot.domain import policy_differences, verdicts
from accessbot.domain.durations import spoken
from accessbot.domain.oncall import Rotation
from accessbot.domain.rules import Effect
from accessbot.domain.signs import Sign, people

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from accessbot.domain.model import Catalog, Entitlement
    from accessbot.domain.oncall import Schedule
    from accessbot.domain.rules import Rule

RULES: Final = "rules"
CATALOG: Final = "the catalog"
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: what it is about (an entitlement's id, the rules, a schedule), which way it goes, in words."""

    about: str
    sign: Sign
    text: str


def differences(old: Catalog, new: Catalog) -> tuple[Difference, ...]:
    """List what differs: the catalog itself, its entitlements by id, the rules, schedules and rotation grants."""
    return (
        *_itself(old, new),
        *_entitlements(old, new),
        *_rules(old, new),
        *_schedules(old, new),
        *_rotation_grants(old, new),
    )


def may_widen(found: Iterable[Difference]) -> bool:
    """Tell whether anybody gains, or may gain."""
    return any(each.sign in (Sign.GAIN, Sign.EITHER) for each in found)


def _itself(old: Catalog, new: Catalog) -> Iterator[Difference]:
    before, after = set(old.admins), set(new.admins)
    if after - before:
        yield Difference(CATALOG, Sign.GAIN, f"becomes an administrator: {people(after - before)}")
    if before - after:
        yield Difference(CATALOG, Sign.LOSS, f"is no administrator any more: {people(before - after)}")
    if old.reconcile != new.reconcile:
        text = f"members without a grant: “{new.reconcile}” instead of “{old.reconcile}”"
        yield Difference(CATALOG, Sign.LOSS if new.reconcile == "remove" else Sign.EITHER, text)


# --- entitlements -----------------------------------------------------------------------------------------------------


def _entitlements(old: Catalog, new: Catalog) -> Iterator[Difference]:
    ruled = bool(old.rules or new.rules)
    for name in sorted({*old.entitlements, *new.entitlements}):
        before, after = old.entitlements.get(name), new.entitlements.get(name)
        if before is None and after is not None:
            yield Difference(name, Sign.GAIN, f"added: may be asked for by {_askers(after)}")
        elif after is None and before is not None:
            yield Difference(name, Sign.LOSS, f"removed: could be asked for by {_askers(before)}")
        elif before is not None and after is not None:
            yield from _entitlement(before, after, ruled=ruled)
            for sign, text in policy_differences.of(before.policy, after.policy):
                yield Difference(name, sign, text)


def _askers(entitlement: Entitlement) -> str:
    emergency = entitlement.policy.emergency
    extra = f"; in an emergency, at once, by {people(emergency.eligible)}" if emergency is not None else ""
    longest = spoken(entitlement.policy.max_duration)
    return f"{people(entitlement.policy.requesters)} for up to {longest}{extra}"


def _entitlement(old: Entitlement, new: Entitlement, *, ruled: bool) -> Iterator[Difference]:
    if old.opens != new.opens or old.identity_center_group != new.identity_center_group:
        yield Difference(new.id, Sign.EITHER, f"opens {_opens(new)} instead of {_opens(old)}")
    if _seen_by_rules(old) != _seen_by_rules(new):
        sign = Sign.EITHER if ruled else Sign.NEITHER
        yield Difference(new.id, sign, "its unit, tags or account's name changed, so that other rules may match")


def _opens(entitlement: Entitlement) -> str:
    pinned = f" ({entitlement.identity_center_group})" if entitlement.identity_center_group else ""
    return f"{entitlement.opens}{pinned}"


def _seen_by_rules(entitlement: Entitlement) -> tuple[object, ...]:
    account = entitlement.account
    return account.key, account.name, account.unit, dict(account.tags), dict(entitlement.tags)


# --- rules ------------------------------------------------------------------------------------------------------------


def _rules(old: Catalog, new: Catalog) -> Iterator[Difference]:
    before = {rule.name: rule for rule in old.rules}
    after = {rule.name: rule for rule in new.rules}
    for name, rule in after.items():
        if name not in before:
            yield Difference(RULES, _sign_of_added(rule), f"added: {_rule(rule, new)}")
    for name, rule in before.items():
        if name not in after:
            yield Difference(RULES, _sign_of_added(rule).turned, f"removed: {_rule(rule, old)}")
    for name in (name for name in after if name in before):
        yield from _rule_changed(before[name], after[name], new)
    for denies in (False, True):
        was, is_now = (
            [r.name for r in rules if (r.effect is Effect.DENY) is denies and r.name in before and r.name in after]
            for rules in (old.rules, new.rules)
        )
        if was != is_now and sorted(was) == sorted(is_now):
            sign = Sign.NEITHER if denies else Sign.EITHER
            yield Difference(RULES, sign, f"reordered: {', '.join(f'“{name}”' for name in is_now)}")


def _sign_of_added(rule: Rule) -> Sign:
    """Tell which way a new rule goes; one that only sends elsewhere can make it easier or harder."""
    if rule.effect is Effect.DENY:
        return Sign.LOSS
    # What is approved at once with a ticket may hide a later rule that asks for none.
    return Sign.GAIN if rule.effect is Effect.APPROVE and rule.ticket is None else Sign.EITHER


def _rule_changed(old: Rule, new: Rule, catalog: Catalog) -> Iterator[Difference]:
    parts = ("effect", "when", "unless", "ticket")
    changed = [part for part in parts if getattr(old, part) != getattr(new, part)]
    if old.policy is None or new.policy is None or old.policy.name != new.policy.name:
        changed += ["policy"] if old.policy is not new.policy else []
    else:
        for sign, text in policy_differences.of(old.policy, new.policy):
            yield Difference(RULES, sign, f"“{new.name}” leads to “{new.policy.name}”: {text}")
    if changed:
        yield Difference(RULES, Sign.EITHER, f"changed ({', '.join(changed)}): {_rule(new, catalog)}")
    if (old.reason, old.told) != (new.reason, new.told):
        yield Difference(RULES, Sign.NEITHER, f"says or tells otherwise: “{new.name}”")


def _rule(rule: Rule, catalog: Catalog) -> str:
    """Write a rule for people: its name, what it comes to, and which entitlements it can match."""
    does = {
        Effect.DENY: "denies",
        Effect.APPROVE: "approves at once",
        Effect.POLICY: f"leaves it to the policy “{rule.policy.name}”"
        if rule.policy
        else "leaves it to the own policy",
    }[rule.effect]
    ticket = " with a ticket" if rule.ticket is not None else ""
    who = f" for {people(rule.when.requesters)}" if rule.when.requesters else ""
    return f"“{rule.name}” {does}{ticket}{who} on {_concerned(rule, catalog)}"


def _concerned(rule: Rule, catalog: Catalog) -> str:
    names = [e.id for e in catalog.entitlements.values() if verdicts.concerns(rule, e)]
    if len(names) == len(catalog.entitlements):
        return "every entitlement"
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}" if names else "no entitlement"


# --- on call ----------------------------------------------------------------------------------------------------------


def _schedules(old: Catalog, new: Catalog) -> Iterator[Difference]:
    for name in sorted({*old.schedules, *new.schedules}):
        about = f"on-call:{name}"
        before, after = old.schedules.get(name), new.schedules.get(name)
        if before is None or after is None:
            yield Difference(about, Sign.NEITHER, "added" if before is None else "removed")
        elif before != after:
            yield from _schedule(about, before, after)


def _schedule(about: str, old: Schedule, new: Schedule) -> Iterator[Difference]:
    if isinstance(old.source, Rotation) and isinstance(new.source, Rotation):
        before, after = set(old.source.people), set(new.source.people)
        if after - before:
            yield Difference(about, Sign.GAIN, f"is on call in turn: {people(after - before)}")
        if before - after:
            yield Difference(about, Sign.LOSS, f"is on call no more: {people(before - after)}")
        if before == after and old.source != new.source:
            yield Difference(about, Sign.EITHER, "the turns or their overrides changed")
    elif old.source != new.source:
        yield Difference(about, Sign.EITHER, "comes from somewhere else")
    if old.max_age != new.max_age:
        longer = new.max_age > old.max_age
        text = f"what was last read counts for {spoken(new.max_age)} instead of {spoken(old.max_age)}"
        yield Difference(about, Sign.GAIN if longer else Sign.LOSS, text)


def _rotation_grants(old: Catalog, new: Catalog) -> Iterator[Difference]:
    before, after = (
        {(grant.schedule, name) for grant in catalog.rotation_grants for name in grant.entitlements}
        for catalog in (old, new)
    )
    for schedule, name in sorted(after - before):
        yield Difference(name, Sign.GAIN, f"is held by on-call:{schedule} for the shift, without a request")
    for schedule, name in sorted(before - after):
        yield Difference(name, Sign.LOSS, f"is no longer held by on-call:{schedule} for the shift")
