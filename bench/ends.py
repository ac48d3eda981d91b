"""How long an end takes: one alone with slow vendors, and many in the same second."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from accessbot.domain.model import Grant
from bench import records
from bench.company import PEOPLE, Company, Path, company, until
from bench.figures import Measured, against_calls, percentiles, plain

_GROUP = "aws-bench"
_SPAN = timedelta(seconds=3)
_SETTLE_S = 2.5
_VERIFIED_S = 12.0  # the first look back at what ended comes after ten seconds
_LIMIT_S = 300.0
_AWS_QUOTA = 18
_BURST_S = 5  # seconds of the quota that the gate lets through at once
_FREE = {"ACCESSBOT_GOOGLE_PER_SECOND": "1000", "ACCESSBOT_AWS_PER_SECOND": "1000"}


def hold(company: Company, number: int, end: datetime, requester: str = PEOPLE["maya"]) -> Grant:
    """Have somebody new hold a live grant that ends at `end`, with both memberships in place."""
    email, world = f"bench{number}@example.com", company.box.world
    user, aws_user = world.google.directory.add_user(email, f"Bench {number}"), world.aws.add_user(email)
    world.google.directory.add_member(f"{_GROUP}@example.com", email)
    world.aws.add_member(_GROUP, email)
    made = records.live(
        number,
        requester=requester,
        email=email,
        group=_GROUP,
        google_user=user.id,
        aws_group=company.box.environment["BENCH_AWS_GROUP"],
        aws_user=aws_user.id,
        now=company.box.store.now(),
        end=end,
    )
    records.store(company.box.store, [made])
    (_, grant, _), _ = made
    assert isinstance(grant, Grant)
    return grant


def open_group(company: Company) -> None:
    """Make the group in which everybody is."""
    company.box.world.google.directory.add_group(f"{_GROUP}@example.com")
    company.box.environment["BENCH_AWS_GROUP"] = company.box.world.aws.add_group(_GROUP).id


def gone(company: Company, grant: Grant) -> list[datetime]:
    """Give the moments at which the two memberships went, as far as they did."""
    changes = company.changes(_GROUP, grant.email, grant.starts_at)
    return [at for (_, action), at in changes.items() if action == "removed"]


def wait_until_gone(company: Company, grants: list[Grant]) -> dict[str, list[datetime]]:
    """Wait until all are gone on both sides; give the two moments of each."""
    while True:
        found = {grant.id: gone(company, grant) for grant in grants}
        if all(len(moments) > 1 for moments in found.values()):
            return found
        if datetime.now(UTC) > grants[0].starts_at + timedelta(seconds=_LIMIT_S):
            raise TimeoutError("not all of the grants were taken away")
        time.sleep(0.2)


def alone(company: Company, rounds: int) -> tuple[list[Measured], float]:
    """End some grants one after another; give their measures, and by how many seconds the earliest was too early."""
    measured, early = [], 0.0
    for number in range(rounds):
        grant = hold(company, number, company.box.store.now() + _SPAN)
        moments, end = wait_until_gone(company, [grant])[grant.id], grant.expires_at
        early = max(early, (end - min(moments)).total_seconds())
        path = company.calls(end, max(moments), (_GROUP, grant.email))
        measured.append(Measured((max(moments) - end).total_seconds(), path))
        time.sleep(_SETTLE_S)  # the proof by reading, and the cards, are no part of the next one
    return measured, early


def together(company: Company, many: int, *, early_end: bool) -> tuple[list[float], float | None, Path]:
    """End many at one moment; give how late each was gone, how long an early end took meanwhile, and all calls."""
    end = company.box.store.now() + timedelta(seconds=3 + many / 25)
    grants = [hold(company, 1000 + number, end) for number in range(many)]
    asked = hold(company, 999, end + timedelta(hours=1), PEOPLE["noah"]) if early_end else None
    assert datetime.now(UTC) < end, "the grants ended before all of them were stored"
    took = None
    if asked is not None:
        noah = company.person("noah")
        assert noah.command("/my-access").ok
        shown = noah.ephemerals()[-1]
        time.sleep(max(0.0, (end - datetime.now(UTC)).total_seconds()) + 0.5)
        pressed = datetime.now(UTC)
        assert noah.click(shown, "End access").ok
        until(lambda: len(gone(company, asked)) > 1, _LIMIT_S)
        took = (max(gone(company, asked)) - pressed).total_seconds()
    found = wait_until_gone(company, grants)
    assert all(min(moments) >= end for moments in found.values()), "a grant was taken away before its end"
    last = max(max(moments) for moments in found.values())
    return [(max(m) - end).total_seconds() for m in found.values()], took, company.calls(end, last)


def run(rounds: int = 8, many: int = 200) -> list[str]:
    """Measure ends alone with slow vendors, then many at once: unhindered, and under the usual quota."""
    with company() as running:
        open_group(running)
        together(running, 5 * rounds, early_end=False)  # every slot has opened its connections then
        time.sleep(_VERIFIED_S)
        running.slow()
        measured, early = alone(running, rounds)
    lines = [
        "end → in neither group (Google 300 ms, AWS 150 ms a call)",
        against_calls("one alone", measured, "≤ 1 s + calls"),
        f"  calls of an end until gone: {', '.join(name.removeprefix('aws.') for name in measured[-1].path.names)}",
        plain("too early, worst of all", f"{max(0.0, early) * 1000:.0f} ms", "never"),
        f"{many} ends in one second, vendors at once",
    ]
    with company(**_FREE) as running:
        open_group(running)
        late, took, path = together(running, many, early_end=True)
    lines += [
        percentiles(f"late, no quota, {len(path.names)} calls in all", late),
        plain("an early end pressed half a second later", f"{took or 0:.2f} s", "does not wait behind them"),
    ]
    with company() as running:
        open_group(running)
        running.slow()
        late, took, path = together(running, many, early_end=True)
    aws = sum(name.startswith("aws.") for name in path.names)
    must = max(0.0, aws / _AWS_QUOTA - _BURST_S)
    lines += [
        f"{many} ends in one second, slow vendors, under AWS's quota of {_AWS_QUOTA} a second",
        percentiles("late", late),
        plain("the last of them", f"{max(late):.1f} s   its {aws} AWS calls need {must:.1f} s", "≤ 1.1 × that"),
        plain("an early end pressed half a second later", f"{took or 0:.2f} s", "does not wait behind them"),
    ]
    return lines
