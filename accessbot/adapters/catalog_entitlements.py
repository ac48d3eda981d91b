"""Reading a catalog's entitlements, and what they must not contradict: each other, and the groups that approve."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from accessbot.adapters import catalog_fields as read
from accessbot.adapters.catalog_fields import Mistakes
from accessbot.adapters.catalog_rulebook import Names
from accessbot.adapters.catalog_yaml import Fields, Node, Text
from accessbot.domain.model import Account, Entitlement
from accessbot.domain.rules import Policy

# Slack keeps at most 150 characters of an option's value, and an id is typed as one word of a command.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,149}", re.ASCII)
_ID_RULE = "has to be at most 150 letters, digits, dots, slashes, underscores and hyphens"
# AWS: the name of a permission set has 1 to 32 of these.
_PERMISSION_SET = re.compile(r"[\w+=,.@-]{1,32}", re.ASCII)
_PERMISSION_SET_RULE = "has to be the name of a permission set: at most 32 letters, digits and + = , . @ _ -"

RESERVED = frozenset({"help", "emergency"})
"""Words that mean something else where an id is typed."""

_UNTAGGED: Mapping[str, str] = MappingProxyType({})


class _Place(NamedTuple):
    """Which entitlement said something, and on which line."""

    entitlement: str
    line: int


@dataclass(slots=True)
class Reader:
    """Reads entitlements one by one and remembers what later ones must not contradict.

    In `accounts` and `policies` None stands for one that is defined, but has mistakes of its own. What rules can be
    about is put into `names`.
    """

    accounts: Mapping[str, Account | None]
    policies: Mapping[str, Policy | None]
    names: Names
    mistakes: Mistakes
    found: dict[str, Entitlement] = field(default_factory=dict)
    mapped: set[str] = field(default_factory=set)
    _ids: dict[str, _Place] = field(default_factory=dict)
    _groups: dict[str, tuple[_Place, dict[str, str | None]]] = field(default_factory=dict)
    _aws_groups: dict[str, tuple[_Place, str]] = field(default_factory=dict)

    def all_of(self, node: Node) -> None:
        """Read the whole list into `found`, and the Google groups that it maps into `mapped`."""
        entries = read.items(node, "entitlements", self.mistakes)
        if entries is not None and not entries:
            self.mistakes.add(node.line, "entitlements is empty; define at least one.")
        for number, entry in enumerate(entries or (), start=1):
            self._one(entry, number)

    def _one(self, node: Node, number: int) -> None:
        what = _called(node, number)
        required = ("id", "account", "permission_set", "group", "policy")
        optional = ("identity_center_group", "description", "tags")
        fields = read.record(node, what, self.mistakes, required=required, optional=optional)
        own = self._id(fields["id"], what) if "id" in fields else None
        account = policy = permission_set = group = aws_group = None
        if "account" in fields:
            account = read.known(fields["account"], f"account of {what}", self.mistakes, self.accounts)
        if "permission_set" in fields:
            where = f"permission_set of {what}"
            permission_set = read.matching(
                fields["permission_set"], where, self.mistakes, _PERMISSION_SET, _PERMISSION_SET_RULE
            )
            self.names.permission_sets[permission_set or ""] = None
        if "group" in fields:
            group = read.email(fields["group"], f"group of {what}", self.mistakes)
        if "identity_center_group" in fields:
            where = f"identity_center_group of {what}"
            aws_group = read.text(fields["identity_center_group"], where, self.mistakes)
        if "policy" in fields:
            policy = read.known(fields["policy"], f"policy of {what}", self.mistakes, self.policies)
        description = _description(fields, what, self.mistakes)
        tags = _UNTAGGED
        if "tags" in fields:
            tags = self.names.read_tags(fields["tags"], f"tags of {what}", self.mistakes)
        if not (own and account and permission_set and group and policy) or description is None:
            return
        place = _Place(own, fields["group"].line)
        opens = {"account": account, "permission_set": permission_set, "identity_center_group": aws_group}
        self._share(group, place, opens)
        if aws_group is not None:
            self._pin(aws_group, group, _Place(own, fields["identity_center_group"].line))
        its_account, its_policy = self.accounts[account], self.policies[policy]
        if its_account is None or its_policy is None:
            return
        self.found[own] = Entitlement(
            id=own,
            account=its_account,
            permission_set=permission_set,
            group=group,
            identity_center_group=aws_group,
            policy=its_policy,
            description=description,
            tags=tags,
        )

    def _id(self, node: Node, what: str) -> str | None:
        own = read.matching(node, f"id of {what}", self.mistakes, _ID, _ID_RULE)
        if own is None:
            return None
        self.names.entitlements[own] = None
        if own.casefold() in RESERVED:
            self.mistakes.add(node.line, f"id of {what} is a word of /request-aws itself; name it otherwise.")
        first = self._ids.setdefault(own.casefold(), _Place(own, node.line))
        if first != (own, node.line):
            alike = "" if first.entitlement == own else f", which differs from “{first.entitlement}” in case alone"
            self.mistakes.add(node.line, f"the id “{own}”{alike} is taken by the entitlement on line {first.line}.")
        return own

    def _share(self, group: str, place: _Place, opens: dict[str, str | None]) -> None:
        """Let entitlements share a Google group only if membership opens the same."""
        self.mapped.add(group)
        first, known = self._groups.setdefault(group, (place, opens))
        for key, value in opens.items():
            if known[key] != value:
                self.mistakes.add(
                    place.line,
                    f"entitlement “{place.entitlement}” shares the group {group} with “{first.entitlement}” "
                    f"(line {first.line}), but not its {key}: membership would open both.",
                )

    def _pin(self, aws_group: str, group: str, place: _Place) -> None:
        """Let an Identity Center group belong to one Google group, as both are given and taken together."""
        first, owner = self._aws_groups.setdefault(aws_group.casefold(), (place, group))
        if owner != group:
            self.mistakes.add(
                place.line,
                f"entitlement “{place.entitlement}” names the identity_center_group “{aws_group}” for {group}, "
                f"but “{first.entitlement}” (line {first.line}) names it for {owner}: each needs its own.",
            )


def _called(node: Node, number: int) -> str:
    """Name an entitlement for people before it was read: by its id, or by its place in the list."""
    for key, value in node.pairs if isinstance(node, Fields) else ():
        if isinstance(key, Text) and isinstance(value, Text) and key.value == "id" and value.value:
            return f"entitlement “{value.value[:60]}”"
    return f"entitlement {number}"


def _description(fields: Mapping[str, Node], what: str, mistakes: Mistakes) -> str | None:
    if "description" not in fields:
        return ""
    return read.text(fields["description"], f"description of {what}", mistakes)
