"""From the tree of a catalog file to the catalog, with every mistake that can be told from the file alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import TypeVar

from accessbot.adapters import catalog_checks as checks
from accessbot.adapters import catalog_fields as read
from accessbot.adapters import catalog_schedules as on_call
from accessbot.adapters.catalog_entitlements import Reader as EntitlementReader
from accessbot.adapters.catalog_fields import Mistakes
from accessbot.adapters.catalog_hash import hash_of
from accessbot.adapters.catalog_people import NAMED, People
from accessbot.adapters.catalog_policies import ALLOW, EmergencyReader
from accessbot.adapters.catalog_policies import Reader as PolicyReader
from accessbot.adapters.catalog_rulebook import Names
from accessbot.adapters.catalog_rulebook import Reader as RuleReader
from accessbot.adapters.catalog_yaml import Node, Text
from accessbot.domain.model import Account, Catalog, Selector
from accessbot.domain.oncall import RotationGrant
from accessbot.domain.rules import Emergency, Policy

RECONCILE = ("report", "remove", "adopt")

_REQUIRED = ("accounts", "entitlements", "policies")
_OPTIONAL = ("admins", "reconcile", "schedules", "rotation_grants", "emergency_policies", "rules")
_ACCOUNT_ID = re.compile(r"\d{12}", re.ASCII)

_UNTAGGED: Mapping[str, str] = MappingProxyType({})
_T = TypeVar("_T")


def catalog(root: Node | None, shortest: timedelta, mistakes: Mistakes) -> Catalog | None:
    """Read a whole catalog; None, with `mistakes` filled, when anything is wrong.

    `shortest` is the shortest grant of the company's settings, which no policy can go below.
    """
    if root is None:
        mistakes.add(1, "the catalog is empty; it needs accounts, entitlements and policies.")
        return None
    top = read.record(root, "the catalog", mistakes, required=_REQUIRED, optional=_OPTIONAL)
    schedules = on_call.schedules(top["schedules"], mistakes) if "schedules" in top else {}
    people = People(schedules, mistakes)
    admins: tuple[Selector, ...] = ()
    if "admins" in top:
        admins = tuple(people.each(top["admins"], "admins", NAMED, empty=True))
    reconcile = read.choice(top["reconcile"], "reconcile", mistakes, RECONCILE) if "reconcile" in top else RECONCILE[0]
    accounts = _Accounts(mistakes)
    if "accounts" in top:
        accounts.all_of(top["accounts"])
    policies, approvers = _policies(top, people, admins, shortest)
    entitlements = EntitlementReader(accounts.found, policies, accounts.names, mistakes)
    if "entitlements" in top:
        entitlements.all_of(top["entitlements"])
        checks.refuse_mapped(approvers, schedules, entitlements.mapped, ALLOW, mistakes)
    rules = RuleReader(people, policies, accounts.names, mistakes).all_of(top["rules"]) if "rules" in top else ()
    grants: tuple[RotationGrant, ...] = ()
    if "rotation_grants" in top:
        grants = on_call.rotation_grants(top["rotation_grants"], schedules, accounts.names.entitlements, mistakes)
    if mistakes.found or reconcile is None:
        return None
    read_whole = Catalog(
        hash="",
        admins=admins,
        reconcile=reconcile,
        accounts=_without_none(accounts.found),
        entitlements=MappingProxyType(entitlements.found),
        policies=_without_none(policies),
        rules=rules,
        schedules=_without_none(schedules),
        rotation_grants=grants,
    )
    return replace(read_whole, hash=hash_of(read_whole))


def _policies(
    top: dict[str, Node], people: People, admins: tuple[Selector, ...], shortest: timedelta
) -> tuple[dict[str, Policy | None], dict[str, checks.Approvers]]:
    """Read the emergency policies and then the others, which may name them."""
    mistakes = people.mistakes
    emergencies: dict[str, Emergency | None] = {}
    if "emergency_policies" in top:
        reader = EmergencyReader(people, admins, shortest, mistakes)
        named = read.named(top["emergency_policies"], "emergency_policies", mistakes, empty=True)
        emergencies = {name: reader.one(name, value) for name, value in named}
    policies: dict[str, Policy | None] = {}
    approvers: dict[str, checks.Approvers] = {}
    one = PolicyReader(people, emergencies, shortest, mistakes).one
    for name, value in read.named(top["policies"], "policies", mistakes) if "policies" in top else ():
        policies[name], approvers[name] = one(name, value)
    return policies, approvers


def _without_none(found: Mapping[str, _T | None]) -> MappingProxyType[str, _T]:
    return MappingProxyType({name: one for name, one in found.items() if one is not None})


class _Accounts:
    """Reads accounts into `found`, and knows the names that rules can be about. None stands for a broken account."""

    def __init__(self, mistakes: Mistakes) -> None:
        self.mistakes = mistakes
        self.found: dict[str, Account | None] = {}
        self.names = Names(self.found)

    def all_of(self, node: Node) -> None:
        """Read the whole mapping."""
        owners: dict[str, str] = {}
        for key, value in read.named(node, "accounts", self.mistakes):
            self.found[key] = self._one(key, value, owners)

    def _one(self, key: str, node: Node, owners: dict[str, str]) -> Account | None:
        what = f"account “{key}”"
        fields = read.record(node, what, self.mistakes, required=("id",), optional=("name", "unit", "tags"))
        account_id = _account_id(fields["id"], what, self.mistakes) if "id" in fields else None
        name = read.text(fields["name"], f"name of {what}", self.mistakes, most=75) if "name" in fields else key
        if account_id is not None and owners.setdefault(account_id, key) != key:
            told = f"id of {what} is also the one of account “{owners[account_id]}”."
            self.mistakes.add(fields["id"].line, told)
        unit = self.names.read_unit(fields["unit"], f"unit of {what}", self.mistakes) if "unit" in fields else ""
        tags = _UNTAGGED
        if "tags" in fields:
            tags = self.names.read_tags(fields["tags"], f"tags of {what}", self.mistakes)
        if not account_id or not name or unit is None:
            return None
        return Account(key=key, id=account_id, name=name, unit=unit, tags=tags)


def _account_id(node: Node, what: str, mistakes: Mistakes) -> str | None:
    if isinstance(node, Text) and node.plain and node.value.replace("_", "").isdigit():
        digits = node.value.replace("_", "")
        mistakes.add(
            node.line,
            f'id of {what} has no quotes, so YAML takes it for a number and may drop its zeros: write "{digits:0>12}".',
        )
        return None
    return read.matching(node, f"id of {what}", mistakes, _ACCOUNT_ID, "has to be 12 digits")
