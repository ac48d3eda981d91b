"""The bench of latencies runs, and counts what it says it counts."""

from __future__ import annotations

from bench import latency
from bench.__main__ import main
from bench.company import AWS_S, GOOGLE_S, Path


def test_the_injected_time_of_a_path_is_added_up() -> None:
    """The sum that a measurement is compared with is that of the calls named."""
    path = Path(("google.members.insert", "aws.identitystore.CreateGroupMembership", "google.members.get"))
    assert path.seconds == 2 * GOOGLE_S + AWS_S


def test_one_round_prints_every_figure() -> None:
    """A small run gives the lines for grants and ends, with the writes among the calls."""
    lines = "\n".join(latency.run(rounds=1))
    for words in ("first grant on a group", "end → in neither group", "ratio", "google.members.insert"):
        assert words in lines
    assert "too early, worst of all: 0 ms" in lines


def test_a_bench_there_is_not_is_wrong_usage() -> None:
    """Asking for an unknown bench leaves with status 2."""
    assert main(["speed-of-light"]) == 2
