"""The hash of what a catalog means: comments, layout and any order that means nothing do not matter.

What a catalog says that could not be said in earlier versions is hashed only where it is there, so that a catalog keeps
its hash for as long as it says the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, time, timedelta
from functools import singledispatch
from typing import Any
from zoneinfo import ZoneInfo

from accessbot.domain.model import Account, Catalog, Entitlement, Selector
from accessbot.domain.oncall import Rotation, RotationGrant
from accessbot.domain.rules import Condition, Hours, Policy, Rule, Step

# Fields of these in which the order of a list, or how often something is listed, means nothing.
_UNORDERED: Mapping[type, frozenset[str]] = {
    Condition: frozenset({"entitlements", "accounts", "units", "permission_sets", "requesters", "hours"}),
    Hours: frozenset({"days"}),
    Rotation: frozenset({"overrides"}),
    RotationGrant: frozenset({"entitlements"}),
    Rule: frozenset({"told"}),
    Step: frozenset({"approvers", "told", "escalation"}),
}
_PEOPLE = frozenset({"eligible", "owners"})


def hash_of(catalog: Catalog) -> str:
    """Hash a catalog; its own `hash` is not looked at."""
    content: list[Any] = [
        catalog.reconcile,
        sorted(map(str, catalog.admins)),
        sorted(map(_account, catalog.accounts.values())),
        sorted(map(_entitlement, catalog.entitlements.values())),
        sorted(map(_policy, catalog.policies.values())),
    ]
    rules = [_rule(rule) for rule in catalog.rules]
    schedules = sorted(meaning(schedule) for schedule in catalog.schedules.values())
    grants = sorted(meaning(grant) for grant in catalog.rotation_grants)
    if rules or schedules or grants:
        content.append({"rules": rules, "schedules": schedules, "rotation_grants": grants})
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def meaning(value: object) -> str:
    """Write what a part of a catalog means as a text, the same for whatever means the same."""
    return json.dumps(_plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _account(account: Account) -> list[str]:
    return [account.key, account.id, account.name, *_extra(unit=account.unit, tags=account.tags)]


def _entitlement(entitlement: Entitlement) -> list[str]:
    e = entitlement
    usual = [e.id, e.account.key, e.permission_set, e.group, e.identity_center_group or "", e.policy.name]
    return [*usual, e.description, *_extra(tags=e.tags)]


def _policy(policy: Policy) -> list[str]:
    simple = policy.steps == (Step(approvers=policy.steps[0].approvers, approvals=policy.steps[0].approvals),)
    return [
        policy.name,
        *("requesters", *sorted(map(str, policy.requesters))),
        *("approvers", *sorted(map(str, policy.approvers))),
        str(policy.approvals),
        str(policy.default_duration.total_seconds()),
        str(policy.max_duration.total_seconds()),
        *_extra(
            steps=() if simple else policy.steps,
            durations=policy.durations,
            per_day=policy.per_day,
            cool_down=policy.cool_down,
            jointly=not policy.distinct,
            undelegated=not policy.delegation,
            ticket=policy.ticket,
            emergency=policy.emergency,
        ),
    ]


def _rule(rule: Rule) -> str:
    """Write a rule; of its policy the name is enough, as the catalog's policies are hashed themselves."""
    said = _plain(rule)
    return json.dumps({**said, "policy": rule.policy.name if rule.policy else None}, ensure_ascii=False, sort_keys=True)


def _extra(**values: object) -> list[str]:
    """Write what is there of these values, [] when nothing is."""
    there = {key: value for key, value in values.items() if value}
    return [meaning(there)] if there else []


@singledispatch
def _plain(value: object) -> Any:  # noqa: ANN401 - any JSON
    if is_dataclass(value):
        unordered = _UNORDERED.get(type(value), _PEOPLE)
        found: dict[str, Any] = {"": type(value).__name__}
        for each in fields(value):
            plain = _plain(getattr(value, each.name))
            found[each.name] = _sorted(plain) if each.name in unordered else plain
        return found
    return str(value)


def _sorted(listed: Iterable[Any]) -> list[Any]:
    return [json.loads(one) for one in sorted({json.dumps(one, sort_keys=True) for one in listed})]


@_plain.register
def _(value: Selector) -> Any:  # noqa: ANN401 - any JSON
    return str(value)


@_plain.register(str)
@_plain.register(int)
@_plain.register(type(None))
def _(value: object) -> Any:  # noqa: ANN401 - any JSON
    return str(value) if isinstance(value, str) else value


@_plain.register
def _(value: timedelta) -> Any:  # noqa: ANN401 - any JSON
    return value.total_seconds()


@_plain.register(datetime)
@_plain.register(time)
def _(value: datetime | time) -> Any:  # noqa: ANN401 - any JSON
    return value.isoformat()


@_plain.register
def _(value: ZoneInfo) -> Any:  # noqa: ANN401 - any JSON
    return value.key


@_plain.register(tuple)
@_plain.register(frozenset)
def _(value: Iterable[object]) -> Any:  # noqa: ANN401 - any JSON
    return [_plain(one) for one in value]


@_plain.register(Mapping)
def _(value: Mapping[object, object]) -> Any:  # noqa: ANN401 - any JSON
    return {str(key): _plain(one) for key, one in value.items()}
