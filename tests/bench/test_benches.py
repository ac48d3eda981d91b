"""The benches run, and count what they say they count. Nothing here is about how long anything took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path as FilePath

import pytest

from accessbot.adapters.catalog_file import read_catalog
from bench import acks, catalogs, ends, grants, holdings, memory, starts, sweeps, verdicts
from bench.__main__ import BENCHES, main
from bench.company import AWS_S, GOOGLE_S, Company, Path, company
from bench.figures import Measured, against_calls, percentile


@pytest.fixture(scope="module")
def running() -> Iterator[Company]:
    """Run one sandbox with slow vendors for all tests that need one; the last leaves it without its worker."""
    with company() as running:
        running.slow()
        yield running


def test_the_injected_time_of_a_path_is_added_up() -> None:
    """The sum that a measurement is compared with is that of the calls named."""
    path = Path(("google.members.insert", "aws.identitystore.CreateGroupMembership", "google.members.get"))
    assert path.seconds == pytest.approx(2 * GOOGLE_S + AWS_S)


def test_each_round_is_compared_with_its_own_calls() -> None:
    """A round that needed more calls is not measured by another's."""
    short = Measured(1.5 * GOOGLE_S, Path(("google.users.get",)))
    long = Measured(3.0 * GOOGLE_S, Path(("google.users.get",) * 2))
    assert [short.ratio, long.ratio] == [pytest.approx(1.5)] * 2
    assert "ratio 1.50" in against_calls("both", [short, long], "")


def test_percentiles_are_values_that_were_measured() -> None:
    """The 99th of a hundred is the last but one; of few it is the worst."""
    hundred = [float(n) for n in range(1, 101)]
    assert (percentile(hundred, 0.5), percentile(hundred, 0.99), percentile([3.0, 1.0, 2.0], 0.99)) == (50, 99, 3)


def test_a_grant_is_measured_with_its_calls(running: Company) -> None:
    """The writes are among the calls until usable, the reading back among those until ready."""
    one = grants.grant(running, "staging-admin", "maya")
    usable, ready = Counter(one.usable.path.names), Counter(one.ready.path.names)
    assert usable["google.members.insert"] == usable["aws.identitystore.CreateGroupMembership"] == 1
    assert ready["aws.identitystore.GetGroupMembershipId"] > usable["aws.identitystore.GetGroupMembershipId"]
    assert one.usable.seconds >= one.usable.path.seconds - AWS_S  # nothing on this path runs beside anything else


def test_ends_are_measured_and_none_is_early(running: Company) -> None:
    """One end alone is told with its removals; several at once and an early end are all read gone."""
    ends.open_group(running)
    (one,), early = ends.alone(running, rounds=1)
    late, took, path = ends.together(running, many=3, early_end=True)
    assert {"google.members.delete", "aws.identitystore.DeleteGroupMembership"} <= set(one.path.names)
    assert early <= 0
    assert len(late) == 3
    assert took is not None
    assert path.names.count("google.members.delete") >= 3


def test_my_access_is_asked_with_few_and_many(running: Company) -> None:
    """The answer holds one's own grants in both."""
    took = holdings.compare(running, few=10, many=500, times=3)
    assert [len(some) for some in took] == [3, 3]
    assert sum(1 for _ in running.box.store.grants()) >= 500


def test_a_start_is_measured(running: Company, tmp_path: FilePath) -> None:
    """The web process is started beside a running sandbox, answers, and is ended."""
    assert starts.start(running.box.environment, tmp_path) > 0


def test_acknowledgements_are_measured_for_each_kind(running: Company) -> None:
    """Commands, clicks and forms are pressed in equal parts, without a vendor call of the web process."""
    what = acks.kinds(running, running.desk())
    acks.press(what, per_second=10, seconds=1.0)  # who sees what is looked up once, beside the first answers
    acks.only_web(running)
    before = acks.vendor_calls(running)
    took, _ = acks.press(what, per_second=20, seconds=1.0)
    assert acks.vendor_calls(running) == before
    assert [len(some) for some in took.values()] == [5, 5, 5, 5]
    assert sum("of 15" in line for line in acks.told("web", took)) == 1


def test_a_round_of_looks_is_measured() -> None:
    """Each group is read once on either side, and an early end is done meanwhile."""
    swept = sweeps.sweep(many=12, slots=2)
    calls = Counter(swept.path.names)
    # The sandbox's own groups are looked at, too, and the one with the early end again.
    assert 11 <= calls["aws.identitystore.ListGroupMemberships"] <= 3 * 12
    assert calls["google.members.list"] >= 10  # those of the first two looks came before the first call to AWS
    assert swept.early_end > 0


def test_memory_of_few_is_told() -> None:
    """Both figures are there, in bytes."""
    assert sum(" B   target" in line for line in memory.run(grants=50, events=100)) == 2


def test_the_large_catalog_is_right(tmp_path: FilePath) -> None:
    """It holds as many entitlements as asked for beside the sandbox's own, and is searched."""
    catalog = read_catalog(catalogs.write_large(tmp_path, 120), timedelta(seconds=5))
    assert len(catalog.entitlements) == 120 + 10
    assert catalogs.run(entitlements=120, rounds=1)[0].startswith("130 entitlements")


def test_verdicts_are_measured() -> None:
    """Each entitlement is judged under all rules of every kind, of which none matches."""
    assert verdicts.run(many=120, ruled=20)[0].startswith("120 entitlements, 20 rules")


def test_a_bench_there_is_not_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """Asking for an unknown bench leaves with status 2 and names those there are."""
    assert main(["speed-of-light"]) == 2
    said = capsys.readouterr().err
    assert all(name in said for name in BENCHES)
