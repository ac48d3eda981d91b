"""The catalog in force, read from a YAML file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from threading import Lock

from accessbot import log
from accessbot.adapters import catalog_reader
from accessbot.adapters.catalog_fields import Mistakes
from accessbot.adapters.catalog_yaml import YamlMistake, parse
from accessbot.domain.errors import CatalogInvalid
from accessbot.domain.model import Catalog

_log = log.get(__name__)


def read_catalog(path: Path, shortest: timedelta) -> Catalog:
    """Read a catalog file; `shortest` is the shortest grant that the settings allow.

    Raises `CatalogInvalid` with every mistake as `file:line: sentence`, in file order.
    """
    return catalog_of(_content(path), str(path), shortest)


def catalog_of(data: bytes, name: str, shortest: timedelta) -> Catalog:
    """Read a catalog from the bytes of the file `name`. Raises `CatalogInvalid` with every mistake."""
    mistakes = Mistakes()
    try:
        catalog = catalog_reader.catalog(parse(data), shortest, mistakes)
    except YamlMistake as mistake:
        mistakes.add(mistake.line, mistake.sentence)
        catalog = None
    if catalog is None:
        raise CatalogInvalid(mistakes.lines(name))
    return catalog


class CatalogFile:
    """A catalog file and the last right catalog that was read from it. Safe to share over threads."""

    def __init__(self, path: Path, shortest: timedelta) -> None:
        """Read the file for the first time. Raises `CatalogInvalid`: nothing starts on a wrong catalog."""
        self._path = path
        self._shortest = shortest
        self._lock = Lock()
        self._said: tuple[str, ...] = ()
        self._seen = _content(path)
        self._catalog = catalog_of(self._seen, str(path), shortest)

    def current(self) -> Catalog:
        """Give the catalog in force."""
        return self._catalog

    def refresh(self) -> bool:
        """Read the file again; give True when another catalog is in force now.

        A wrong or missing file changes nothing: its mistakes are logged, once as long as they stay the same.
        """
        with self._lock:
            try:
                data = _content(self._path)
                if data == self._seen:
                    return False
                catalog = catalog_of(data, str(self._path), self._shortest)
            except CatalogInvalid as error:
                self._say(error)
                return False
            self._seen, self._said = data, ()
            if catalog.hash == self._catalog.hash:
                return False
            old, self._catalog = self._catalog, catalog
        _log.info("catalog.loaded", hash=catalog.hash, before=old.hash, entitlements=len(catalog.entitlements))
        return True

    def _say(self, error: CatalogInvalid) -> None:
        if error.mistakes == self._said:
            return
        self._said = error.mistakes
        in_force = self._catalog.hash
        for mistake in error.mistakes:
            _log.warning("catalog.mistake", mistake=mistake, in_force=in_force)
        _log.warning(
            "catalog.kept",
            mistakes=len(error.mistakes),
            in_force=in_force,
            action=f"Mend {self._path}, check it with `accessbot catalog check`, then reload.",
        )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise CatalogInvalid(
            (f"{path}:1: the catalog cannot be read ({reason}); give its path in ACCESSBOT_CATALOG.",)
        ) from error
