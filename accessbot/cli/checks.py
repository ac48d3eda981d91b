"""What `accessbot doctor` looks at in turn: settings, catalog, Redis, processes, and then the vendors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from accessbot import log, settings, wiring
from accessbot.adapters.catalog_file import read_catalog
from accessbot.cli.findings import Finding, Show, guarded, ok, warning, wrong
from accessbot.cli.options import PATIENCE
from accessbot.cli.redis_checks import look_at_redis
from accessbot.cli.vendor_checks import look_at_vendors
from accessbot.domain.errors import CatalogInvalid
from accessbot.domain.work import Lane
from accessbot.service import ending
from accessbot.service.alerting import disagreeing
from accessbot.service.comparing import TOLERATED
from accessbot.settings import Role, Settings, SettingsInvalid

if TYPE_CHECKING:
    from accessbot.adapters.redis_store import RedisStore
    from accessbot.domain.model import Catalog
    from accessbot.ports import Beat

_PROCESSES: tuple[Role, ...] = ("web", "worker", "clock")
_NEEDED = {"web": "web", "clock": "accessbot clock"} | {f"worker:{lane}": "accessbot worker" for lane in Lane}


def examine(environ: Mapping[str, str], show: Show) -> Iterator[Finding]:
    """Look at everything in turn, reading only; some things can only be looked at once others are right."""
    log.configure("ERROR")
    ready: dict[Role, Settings] = {}
    yield from _settings(environ, ready)
    catalogs: list[Catalog] = []
    yield from _catalog(environ, catalogs)
    catalog = catalogs[0] if catalogs else None
    store = wiring.store_from(ready["cli"], PATIENCE) if "cli" in ready else None
    if store is not None:
        show("Redis", 0, None)
        yield from guarded("redis", look_at_redis(store))
        yield from guarded("processes", _processes(store, catalog))
        yield from guarded("grants", _ends(store))
    if "worker" in ready and catalog is not None:
        yield from look_at_vendors(ready["worker"], catalog, store, show)
    else:
        yield warning("vendors", "not looked at; put settings and catalog right first.")


def _settings(environ: Mapping[str, str], ready: dict[Role, Settings]) -> Iterator[Finding]:
    problems: dict[str, list[str]] = {}
    for role in (*_PROCESSES, "cli"):
        try:
            ready[role] = settings.load(role, environ)
            log.configure("ERROR", hide=ready[role].secrets())
        except SettingsInvalid as error:
            for problem in error.problems:
                problems.setdefault(problem, []).append(role)
    for problem, roles in problems.items():
        processes = [role for role in roles if role in _PROCESSES]
        yield wrong("settings", f"{problem} (needed by {', '.join(processes)})")
    if not problems:
        yield ok("settings", "every process finds what it needs in this environment")


def _catalog(environ: Mapping[str, str], into: list[Catalog]) -> Iterator[Finding]:
    try:
        read = settings.load("catalog", environ)
        catalog = read_catalog(read.catalog, read.min_duration)
    except (CatalogInvalid, SettingsInvalid) as error:
        yield from (wrong("catalog", line) for line in error.lines)
        return
    into.append(catalog)
    yield ok(
        "catalog", f"{read.catalog} is right: {len(catalog.entitlements):,} entitlements, hash {catalog.hash[:12]}"
    )


def _processes(store: RedisStore, catalog: Catalog | None) -> Iterator[Finding]:
    beats = store.beats()
    roles = [beat.role for beat in beats]
    for role, command in _NEEDED.items():
        if role not in roles:
            yield wrong("processes", f"no {role} process is alive: start “{command}”.")
    hashes = sorted({beat.catalog for beat in beats})
    if len(hashes) > 1:
        on = Counter(beat.catalog for beat in beats)
        told = ", ".join(f"{digest[:12]} ({on[digest]} processes)" for digest in hashes)
        yield wrong("processes", f"they work on different catalogs: {told}; bring the same file everywhere and reload.")
    elif hashes and catalog is not None and hashes != [catalog.hash]:
        yield warning("processes", f"they work on catalog {hashes[0][:12]}, not on this file: reload them with SIGHUP.")
    elif set(_NEEDED) <= set(roles):
        yield ok("processes", f"{len(beats)} are alive, all on catalog {hashes[0][:12]}")
    yield from _clocks(beats)


def _ends(store: RedisStore) -> Iterator[Finding]:
    late = ending.overdue(store)
    if late:
        yield wrong("grants", f"{late:,} ends are not proven within two minutes: the alerts channel says what to do.")
    else:
        yield ok("grants", "every end is proven, or has just begun")


def _clocks(beats: Sequence[Beat]) -> Iterator[Finding]:
    wrong_ones = disagreeing(beats)
    for beat in wrong_ones:
        by = f"{beat.skew.total_seconds():+.1f} s"
        if abs(beat.skew) > TOLERATED:
            yield wrong("clocks", f"{beat.process} ({beat.role}) is off from Redis by {by}: mend its time service.")
        else:
            jump = f"{beat.jump.total_seconds():+.1f} s"
            yield warning("clocks", f"{beat.process} saw the clock of Redis jump by {jump}: mend its time service.")
    if beats and not wrong_ones:
        most = max(abs(beat.skew) for beat in beats)
        yield ok("clocks", f"all agree with that of Redis, within {most.total_seconds():.2f} s")
