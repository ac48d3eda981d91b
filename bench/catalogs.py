"""How long a large catalog takes to read, and to search while somebody types."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from accessbot.adapters.catalog_file import read_catalog
from accessbot.sandbox.world import CATALOG
from accessbot.slack.options import AccessIndex
from bench.figures import percentiles

_SHORTEST = timedelta(seconds=5)
_TYPED = ("pro", "admin", "account-0042", "read only 17", "set-7", "zzz")
_ROUNDS = 50
_PER_ACCOUNT = 50


def write_large(where: Path, entitlements: int) -> Path:
    """Write the sandbox's catalog with so many made-up entitlements beside its own; give the path."""
    accounts, _, rest = CATALOG.read_text(encoding="utf-8").partition("entitlements:\n")
    own, _, policies = rest.partition("policies:\n")
    more_accounts, more = [], []
    for number in range(entitlements):
        account = f"account-{number // _PER_ACCOUNT:04d}"
        if number % _PER_ACCOUNT == 0:
            more_accounts.append(f'  {account}: {{id: "{900_000_000_000 + number}", name: Account {number}}}\n')
        more.append(
            f"  - id: {account}-set-{number % _PER_ACCOUNT}\n    account: {account}\n"
            f"    permission_set: PermissionSet{number % _PER_ACCOUNT}\n    group: aws-bench-{number}@example.com\n"
            f"    policy: usual\n    description: What number {number} is good for\n"
        )
    path = where / "catalog.yml"
    text = f"{accounts.rstrip()}\n{''.join(more_accounts)}\nentitlements:\n{own}{''.join(more)}\npolicies:\n{policies}"
    path.write_text(text, encoding="utf-8")
    return path


def run(entitlements: int = 10_000, rounds: int = 5) -> list[str]:
    """Read a large catalog some times, build its choices, and search them for what people type."""
    reading, building, searching = [], [], []
    with TemporaryDirectory() as folder:
        path = write_large(Path(folder), entitlements)
        catalog = read_catalog(path, _SHORTEST)
        for _ in range(rounds):
            began = time.perf_counter()
            read_catalog(path, _SHORTEST)
            reading.append(time.perf_counter() - began)
    index = AccessIndex(catalog, _SHORTEST)
    for _ in range(rounds):
        began = time.perf_counter()
        AccessIndex(catalog, _SHORTEST)
        building.append(time.perf_counter() - began)
    for _ in range(_ROUNDS):
        for typed in _TYPED:
            began = time.perf_counter()
            index.search(typed)
            searching.append(time.perf_counter() - began)
    return [
        f"{len(catalog.entitlements)} entitlements in {len(catalog.accounts)} accounts",
        percentiles("read and check the file", reading),
        percentiles("build the choices", building),
        percentiles("one search while typing", searching),
    ]
