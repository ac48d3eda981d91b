"""The choices of *Access*, made once per catalog: grouped by account, and searchable while somebody types."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from heapq import nsmallest
from threading import Lock
from typing import TYPE_CHECKING

from accessbot.domain import policy
from accessbot.slack.blocks import BUTTON_TEXT_LIMIT, Json, option, plain
from accessbot.slack.text import elide

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from accessbot.domain.model import Account, Catalog, Entitlement

_ID_LIMIT = 1000
_MOST_PARTS = 200
SELECT_LIMIT = 100
"""Most options of a select, and most results of a type-ahead (Slack's Block Kit reference)."""


@dataclass(frozen=True, slots=True)
class _Entry:
    entitlement: Entitlement
    option: Json
    id: str
    spaced: str
    haystack: str


def access_option(entitlement: Entitlement) -> Json:
    """Give the choice of one entitlement; its value is the entitlement's id."""
    return option(
        f"{entitlement.permission_set} · {entitlement.id}", entitlement.id, description=entitlement.description
    )


def account_label(account: Account) -> str:
    """Name an account with its number, within the limit of a group's label; the number is never cut."""
    number = f" ({account.id})"
    return elide(account.name, BUTTON_TEXT_LIMIT - len(number)) + number


class AccessIndex:
    """All choices of one catalog, ready to be shown and searched: no look-up is needed to open a form."""

    def __init__(self, catalog: Catalog, shortest: timedelta) -> None:
        """Build the choices; `shortest` is the shortest grant that may be asked for."""
        self.hash = catalog.hash
        self.by_id = dict(catalog.entitlements)
        self._by_folded = {entitlement_id.casefold(): entitlement_id for entitlement_id in catalog.entitlements}
        self._entries = tuple(_entry(entitlement) for entitlement in catalog.entitlements.values())
        self._offers = _offers(catalog.entitlements.values(), shortest)
        self._parts: dict[frozenset[str], AccessIndex] = {}
        self.is_small = len(self._entries) <= SELECT_LIMIT
        self.shortest = shortest
        self._show(self._entries)

    def part(self, policies: frozenset[str]) -> AccessIndex:
        """Give the index that shows only what these policies are for; the same each time.

        Its inputs are of the same kinds as those of the whole: so a form can be brought in line while somebody fills
        it in. Names are still found in all of the catalog, as whether one may ask is not decided here.
        """
        if policies >= self.policies:
            return self
        found = self._parts.get(policies)
        if found is None:
            if len(self._parts) >= _MOST_PARTS:
                self._parts.clear()
            found = self._parts[policies] = copy(self)
            found.show_only(policies)
        return found

    def show_only(self, policies: frozenset[str]) -> None:
        """Leave out of the choices whatever is under another policy; only for who made the index just now."""
        self._parts = {}
        self._show(tuple(entry for entry in self._entries if entry.entitlement.policy.name in policies))

    def _show(self, entries: tuple[_Entry, ...]) -> None:
        rules = {entry.entitlement.policy.name: entry.entitlement.policy for entry in entries}
        self._entries = entries
        self._first = _grouped(entries[:SELECT_LIMIT])
        self.policies = frozenset(rules)
        self.has_emergency = any(rule.emergency is not None for rule in rules.values())

    @property
    def example(self) -> Entitlement | None:
        """Give the first entitlement that is shown, None if there is none."""
        return self._entries[0].entitlement if self._entries else None

    def shows(self, entitlement: Entitlement) -> bool:
        """Tell whether an entitlement is among the choices."""
        return entitlement.policy.name in self.policies and self.by_id.get(entitlement.id) is entitlement

    @property
    def groups(self) -> list[Json]:
        """Give the first choices (all, when the index is small) as option groups, one per account."""
        return self._first

    @property
    def shared_durations(self) -> tuple[tuple[timedelta, ...], timedelta] | None:
        """Give the choices of *Duration* and the default when they are the same whatever is chosen, else None."""
        return next(iter(self._offers)) if len(self._offers) == 1 else None

    @property
    def safe_default(self) -> timedelta | None:
        """Give the shortest default, which every policy allows whatever is chosen; None for an empty catalog."""
        return min((default for _, default in self._offers), default=None)

    def find(self, name: str) -> Entitlement | None:
        """Find an entitlement by its id, in any case."""
        return self.by_id.get(name) or self.by_id.get(self._by_folded.get(name.casefold(), ""))

    def search(self, typed: str) -> list[Json]:
        """Give up to 100 choices that hold every typed word, best first, grouped by account."""
        words = typed.casefold().split()
        if not words:
            return self._first
        hits = [entry for entry in self._entries if all(word in entry.haystack for word in words)]
        starts = [f" {word}" for word in words]
        return _grouped(nsmallest(SELECT_LIMIT, hits, key=lambda entry: _rank(entry, words[0], starts)))


class AccessIndexes:
    """The index of the catalog in force; built anew when the catalog changed."""

    def __init__(self) -> None:
        """Start without one."""
        self._lock = Lock()
        self._index: AccessIndex | None = None

    def of(self, catalog: Catalog, shortest: timedelta) -> AccessIndex:
        """Give the index of a catalog, from memory if it is the same as last time."""
        index = self._index
        if index is not None and index.hash == catalog.hash and index.shortest == shortest:
            return index
        with self._lock:
            if self._index is None or self._index.hash != catalog.hash or self._index.shortest != shortest:
                self._index = AccessIndex(catalog, shortest)
            return self._index


def _entry(entitlement: Entitlement) -> _Entry:
    account = entitlement.account
    texts = (
        entitlement.id,
        account.name,
        account.key,
        account.id,
        entitlement.permission_set,
        entitlement.description,
    )
    haystack = "\n".join(texts).casefold()
    split = haystack.replace("-", " ").replace("_", " ").replace("/", " ")
    return _Entry(
        entitlement, access_option(entitlement), entitlement.id.casefold(), f" {' '.join(split.split())}", haystack
    )


def _rank(entry: _Entry, first: str, starts: list[str]) -> int:
    """Order hits: the very id, an id that starts so, words that start so, the rest; of equals the shorter id first."""
    if entry.id.startswith(first):
        return len(entry.id) if entry.id != first else 0
    by_word = all(start in entry.spaced for start in starts)
    return (_ID_LIMIT if by_word else 2 * _ID_LIMIT) + len(entry.id)


def _grouped(entries: Iterable[_Entry]) -> list[Json]:
    """Group choices by account; groups stand in the order of their best choice."""
    groups: dict[str, tuple[Account, list[Json]]] = {}
    for entry in entries:
        account = entry.entitlement.account
        groups.setdefault(account.key, (account, []))[1].append(entry.option)
    return [{"label": plain(account_label(account)), "options": options} for account, options in groups.values()]


def _offers(
    entitlements: Iterable[Entitlement], shortest: timedelta
) -> frozenset[tuple[tuple[timedelta, ...], timedelta]]:
    policies = {entitlement.policy.name: entitlement.policy for entitlement in entitlements}
    return frozenset((policy.durations_offered(p, shortest), p.default_duration) for p in policies.values())
