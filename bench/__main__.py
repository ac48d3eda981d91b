"""Run the benches: `python -m bench`, or `python -m bench grant end` for some of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from bench import acks, catalogs, ends, grants, holdings, memory, starts, sweeps, verdicts

BENCHES: dict[str, Callable[[], list[str]]] = {
    "start": starts.run,
    "catalog": catalogs.run,
    "verdict": verdicts.run,
    "memory": memory.run,
    "my_access": holdings.run,
    "ack": acks.run,
    "grant": grants.run,
    "end": ends.run,
    "sweep": sweeps.run,
}


def main(names: list[str]) -> int:
    """Run the named benches, all without a name; give the exit status."""
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        sys.stderr.write(f"there is no bench {', '.join(unknown)}; there are: {', '.join(BENCHES)}\n")
        return 2
    sys.stdout.write(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}\n")
    for name in names or list(BENCHES):
        sys.stdout.write(f"\n{name}\n" + "".join(f"{line}\n" for line in BENCHES[name]()))
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
