"""Writing the audit log to a file that nothing but its owner reads, whole or not at all."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from accessbot.adapters import archive
from accessbot.cli.options import open_store
from accessbot.domain.errors import Refused

_T = TypeVar("_T")
_OWN = 0o600


def export(file: str, since_seq: int) -> archive.Trailer:
    """Write every event after `since_seq` to a file, or for `-` to standard output; give what its last line says.

    Raises `Refused` when the log is not that long, or the file cannot be written.
    """
    _, store = open_store()
    length = store.count()["audit"]
    if since_seq > length:
        raise Refused(f"The audit log ends with event {length}, so there is nothing after {since_seq} to export.")
    with progress() as bar:
        events = counted(bar, "Events", store.events_after(since_seq), length - since_seq)
        if file == "-":
            trailer = archive.write(sys.stdout.buffer, events, store.beside_events(), since_seq, store.now())
            sys.stdout.buffer.flush()
            return trailer
        with _replaced(Path(file)) as out:
            return archive.write(out, events, store.beside_events(), since_seq, store.now())


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Progress]:
    """Show a bar on standard error where that is a terminal, unless it is to be quiet."""
    err = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as bar:
        yield bar


def counted(bar: Progress, what: str, things: Iterable[_T], total: int) -> Iterator[_T]:
    """Move a bar on with each thing that is taken."""
    task = bar.add_task(what, total=total)
    for thing in things:
        yield thing
        bar.advance(task)


@contextmanager
def _replaced(path: Path) -> Iterator[BinaryIO]:
    """Open a new private file that takes the place of `path` once it is whole and on the disk."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWN)
        try:
            with os.fdopen(number, "wb") as out:
                yield out
                out.flush()
                os.fsync(out.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)  # without it a crash could undo the new name
        finally:
            os.close(folder)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}.") from error
