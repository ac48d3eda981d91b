"""Breaks accessbot on purpose in the processes that find this folder on their path: `CHAOS_BREAK` names what is broken.

Python imports a module of this name at every start. What is broken here has to be noticed by the judgement.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from datetime import timedelta
from types import ModuleType
from typing import Any

Break = Callable[[Any], None]


def _nothing(*_: object, **__: object) -> None:
    return None


def _ends_nothing(working: Any) -> None:  # noqa: ANN401 - a module
    for name in ("END", "REVOKE", "VERIFY", "SWEEP"):
        kind = getattr(working.WorkKind, name, None)
        if kind in working.HANDLERS:
            working.HANDLERS[kind] = _nothing


def _looks_never_again(working: Any) -> None:  # noqa: ANN401 - a module
    for name in ("VERIFY", "SWEEP"):
        kind = getattr(working.WorkKind, name, None)
        if kind in working.HANDLERS:
            working.HANDLERS[kind] = _nothing


def _tells_nobody(working: Any) -> None:  # noqa: ANN401 - a module
    working.HANDLERS[working.WorkKind.TELL] = _nothing


def _writes_first(provisioning: Any) -> None:  # noqa: ANN401 - a module
    pin = vars(provisioning)["_pin"]

    def write_then_pin(ctx: Any, grant: Any) -> Any:  # noqa: ANN401 - the service's own
        user = ctx.directory.user(grant.email)
        ctx.directory.add(grant.google_group, user)
        return pin(ctx, grant)

    vars(provisioning)["_pin"] = write_then_pin


def _reads_nothing_before(module: Any) -> None:  # noqa: ANN401 - a module
    truth = module.GoogleDirectory.is_member
    read: set[object] = set()

    def is_member(self: Any, group: str, user: str) -> bool:  # noqa: ANN401 - the adapter
        first = (group, user) not in read
        read.add((group, user))
        return False if first else bool(truth(self, group, user))

    module.GoogleDirectory.is_member = is_member


def _counts_twice(voting: Any) -> None:  # noqa: ANN401 - a module
    vars(voting)["_counted_names"] = lambda *_: set()


def _forgets_the_others(module: Any) -> None:  # noqa: ANN401 - a module
    truth = module.Reads.grants_on

    def grants_on(self: Any, pair: str) -> Any:  # noqa: ANN401 - the adapter
        held = truth(self, pair)
        return tuple(grant for grant in held if grant.state == "revoking") or held

    module.Reads.grants_on = grants_on


def _keeps_no_lease(module: Any) -> None:  # noqa: ANN401 - a module
    truth = module.RedisStore.lease

    @contextmanager
    def lease(self: Any, name: str, hold: timedelta) -> Any:  # noqa: ANN401 - the adapter
        with truth(self, f"{name}/{secrets.token_hex(4)}", hold) as held:
            yield held

    module.RedisStore.lease = lease


def _proves_nothing(sides: Any) -> None:  # noqa: ANN401 - a module
    sides.erase = sides.prove = _nothing


BREAKS: dict[str, tuple[str, Break]] = {
    "writes first": ("accessbot.service.provisioning", _writes_first),
    "ends nothing": ("accessbot.service.working", _ends_nothing),
    "looks never again": ("accessbot.service.working", _looks_never_again),
    "reads nothing before": ("accessbot.adapters.google_directory", _reads_nothing_before),
    "keeps no lease": ("accessbot.adapters.redis_store", _keeps_no_lease),
    "forgets the others": ("accessbot.adapters.redis_reads", _forgets_the_others),
    "counts twice": ("accessbot.service.voting", _counts_twice),
    "proves nothing": ("accessbot.service.sides", _proves_nothing),
    "tells nobody": ("accessbot.service.working", _tells_nobody),
}
"""What can be broken: the module that it is broken in, and how."""


class _Breaker(importlib.abc.MetaPathFinder):
    """Breaks a module right after it was loaded."""

    def __init__(self, module: str, broken: Break) -> None:
        self._module = module
        self._break = broken

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find the module as it is found otherwise, with a loader that breaks it."""
        if fullname != self._module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return spec
        load = spec.loader.exec_module

        def load_and_break(module: ModuleType) -> None:
            load(module)
            self._break(module)

        spec.loader.exec_module = load_and_break  # type: ignore[method-assign]  # of this one loader
        return spec


if __name__ == "sitecustomize" and os.environ.get("CHAOS_BREAK"):
    sys.meta_path.insert(0, _Breaker(*BREAKS[os.environ["CHAOS_BREAK"]]))
