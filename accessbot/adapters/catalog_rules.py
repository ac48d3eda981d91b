"""From the tree of a catalog file to the catalog, with every mistake that can be told from the file alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import NamedTuple

from accessbot.adapters import catalog_fields as read
from accessbot.adapters.catalog_entitlements import Reader as EntitlementReader
from accessbot.adapters.catalog_fields import Mistakes
from accessbot.adapters.catalog_yaml import Node, Text
from accessbot.domain.durations import compact
from accessbot.domain.model import Account, Entitlement, Selector, SelectorKind
from accessbot.domain.rules import Policy, Step

_ALLOW = "allow_mapped_approver_groups"
RECONCILE = ("report", "remove", "adopt")

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}", re.ASCII)
_KEY_RULE = "has to be at most 100 letters, digits, dots, slashes, underscores and hyphens"
_ACCOUNT_ID = re.compile(r"\d{12}", re.ASCII)


class Draft(NamedTuple):
    """A catalog before it has its hash."""

    admins: tuple[Selector, ...]
    reconcile: str
    accounts: Mapping[str, Account]
    entitlements: Mapping[str, Entitlement]
    policies: Mapping[str, Policy]


@dataclass(frozen=True, slots=True)
class _Approvers:
    """The approver groups of one policy, each with its line, and those that it allows although they are mapped."""

    groups: tuple[tuple[str, int], ...]
    allowed: frozenset[str]


def catalog(root: Node | None, shortest: timedelta, mistakes: Mistakes) -> Draft | None:
    """Read a whole catalog; None, with `mistakes` filled, when anything is wrong.

    `shortest` is the shortest grant of the company's settings, which no policy can go below.
    """
    if root is None:
        mistakes.add(1, "the catalog is empty; it needs accounts, entitlements and policies.")
        return None
    required = ("accounts", "entitlements", "policies")
    top = read.record(root, "the catalog", mistakes, required=required, optional=("admins", "reconcile"))
    admins: tuple[Selector, ...] = ()
    if "admins" in top:
        admins = tuple(read.selectors(top["admins"], "admins", mistakes, everyone=False, empty=True))
    reconcile = read.choice(top["reconcile"], "reconcile", mistakes, RECONCILE) if "reconcile" in top else RECONCILE[0]
    accounts = _accounts(top["accounts"], mistakes) if "accounts" in top else {}
    policies: dict[str, Policy | None] = {}
    approvers: dict[str, _Approvers] = {}
    for name, value in _named(top["policies"], "policies", mistakes) if "policies" in top else ():
        policies[name], approvers[name] = _policy(name, value, shortest, mistakes)
    entitlements = EntitlementReader(accounts, policies, mistakes)
    if "entitlements" in top:
        entitlements.all_of(top["entitlements"])
        _refuse_mapped_approvers(approvers, entitlements.mapped, mistakes)
    if mistakes.found or reconcile is None:
        return None
    return Draft(
        admins=admins,
        reconcile=reconcile,
        accounts=MappingProxyType({key: account for key, account in accounts.items() if account}),
        entitlements=MappingProxyType(entitlements.found),
        policies=MappingProxyType({name: policy for name, policy in policies.items() if policy}),
    )


def _named(node: Node, what: str, mistakes: Mistakes) -> Iterator[tuple[str, Node]]:
    """Walk the entries of `accounts` or `policies` that have a name that can be used."""
    entries = read.mapping(node, what, mistakes)
    if entries is not None and not entries:
        mistakes.add(node.line, f"{what} is empty; define at least one.")
    for key, (line, value) in (entries or {}).items():
        if not _KEY.fullmatch(key):
            mistakes.add(line, f"“{key[:60]}” cannot be a name in {what}: it {_KEY_RULE}.")
        yield key, value


# --- accounts ---------------------------------------------------------------------------------------------------------


def _accounts(node: Node, mistakes: Mistakes) -> dict[str, Account | None]:
    found: dict[str, Account | None] = {}
    owners: dict[str, str] = {}
    for key, value in _named(node, "accounts", mistakes):
        what = f"account “{key}”"
        fields = read.record(value, what, mistakes, required=("id",), optional=("name",))
        account_id = _account_id(fields["id"], what, mistakes) if "id" in fields else None
        name = read.text(fields["name"], f"name of {what}", mistakes, most=75) if "name" in fields else key
        if account_id is not None and owners.setdefault(account_id, key) != key:
            mistakes.add(fields["id"].line, f"id of {what} is also the one of account “{owners[account_id]}”.")
        found[key] = Account(key=key, id=account_id, name=name) if account_id and name else None
    return found


def _account_id(node: Node, what: str, mistakes: Mistakes) -> str | None:
    if isinstance(node, Text) and node.plain and node.value.replace("_", "").isdigit():
        digits = node.value.replace("_", "")
        mistakes.add(
            node.line,
            f'id of {what} has no quotes, so YAML takes it for a number and may drop its zeros: write "{digits:0>12}".',
        )
        return None
    return read.matching(node, f"id of {what}", mistakes, _ACCOUNT_ID, "has to be 12 digits")


# --- policies ---------------------------------------------------------------------------------------------------------


def _policy(name: str, node: Node, shortest: timedelta, mistakes: Mistakes) -> tuple[Policy | None, _Approvers]:
    what = f"policy “{name}”"
    before = len(mistakes.found)
    required = ("requesters", "approvers", "default_duration", "max_duration")
    fields = read.record(node, what, mistakes, required=required, optional=("approvals", _ALLOW))
    requesters = _people(fields, "requesters", what, mistakes)
    approvers = _people(fields, "approvers", what, mistakes)
    allowed = _people(fields, _ALLOW, what, mistakes)
    for one in allowed:
        if one.kind is not SelectorKind.GROUP or one not in approvers:
            mistakes.add(fields[_ALLOW].line, f"{_ALLOW} of {what} lists {one}, which is no approver group of it.")
    approvals = _approvals(fields, what, tuple(approvers), mistakes)
    default, longest = _durations(fields, what, shortest, mistakes)
    groups = tuple((one.value, line) for one, line in approvers.items() if one.kind is SelectorKind.GROUP)
    decide = _Approvers(groups, frozenset(one.value for one in allowed))
    if len(mistakes.found) > before or approvals is None or default is None or longest is None:
        return None, decide
    policy = Policy(
        name=name,
        requesters=tuple(requesters),
        steps=(Step(approvers=tuple(approvers), approvals=approvals),),
        default_duration=default,
        max_duration=longest,
    )
    return policy, decide


def _people(fields: Mapping[str, Node], key: str, what: str, mistakes: Mistakes) -> dict[Selector, int]:
    if key not in fields:
        return {}
    return read.selectors(fields[key], f"{key} of {what}", mistakes, everyone=key == "requesters")


def _refuse_mapped_approvers(policies: Mapping[str, _Approvers], mapped: set[str], mistakes: Mistakes) -> None:
    """Refuse approver groups that people can be granted into, as a grant would then make an approver."""
    for name, approvers in policies.items():
        for group, line in approvers.groups:
            if group in mapped and group not in approvers.allowed:
                mistakes.add(
                    line,
                    f"policy “{name}” lets {group} approve, but an entitlement maps that group, so a grant would make "
                    f"approvers; name another, or list group:{group} under {_ALLOW}.",
                )


def _approvals(
    fields: Mapping[str, Node], what: str, approvers: tuple[Selector, ...], mistakes: Mistakes
) -> int | None:
    if "approvals" not in fields:
        return 1
    approvals = read.number(fields["approvals"], f"approvals of {what}", mistakes, 1)
    people = len(approvers)
    if approvals and approvers and approvals > people and all(one.kind is SelectorKind.USER for one in approvers):
        there_are = "there is 1 approver" if people == 1 else f"there are {people} approvers"
        mistakes.add(fields["approvals"].line, f"{what} takes {approvals} approvals, but {there_are}.")
        return None
    return approvals


def _durations(
    fields: Mapping[str, Node], what: str, shortest: timedelta, mistakes: Mistakes
) -> tuple[timedelta | None, timedelta | None]:
    both: list[timedelta | None] = []
    for key in ("default_duration", "max_duration"):
        value = read.duration(fields[key], f"{key} of {what}", mistakes) if key in fields else None
        if value is not None and value < shortest:
            mistakes.add(
                fields[key].line,
                f"{key} of {what} is {compact(value)}, below the shortest grant of {compact(shortest)} "
                "(ACCESSBOT_MIN_DURATION).",
            )
        both.append(value)
    default, longest = both
    if default is not None and longest is not None and default > longest:
        mistakes.add(
            fields["default_duration"].line,
            f"default_duration of {what} is {compact(default)}, longer than its max_duration of {compact(longest)}.",
        )
    return default, longest
