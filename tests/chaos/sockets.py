"""Whose end of a connection is whose: the process that calls from a port of this machine."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_LOCAL, _INODE = 1, 9


def caller(port: int, among: Iterable[int]) -> int | None:
    """Find the process, `among` some, whose connection comes from the loopback port; None if it is none of them."""
    inode = _inode(port)
    if inode is None:
        return None
    for pid in among:
        try:
            held = {str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()}
        except OSError:
            continue  # it ended meanwhile, or one of its files was closed
        if f"socket:[{inode}]" in held:
            return pid
    return None


def _inode(port: int) -> str | None:
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        words = line.split()
        if int(words[_LOCAL].rpartition(":")[2], 16) == port:
            return words[_INODE]
    return None


def children(pid: int) -> list[int]:
    """List the processes that a process has started itself and that still run."""
    try:
        words = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return []
    return [int(word) for word in words]
