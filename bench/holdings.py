"""How long `/my-access` takes with few and with very many live grants of everybody."""

from __future__ import annotations

import time
from statistics import median

from accessbot.sandbox.slack.desk import Desk
from bench import records
from bench.company import GENERAL, PEOPLE, Company, company
from bench.figures import percentiles, plain

_OWN = 3
_BEFORE = 20


def ask(desk: Desk, times: int) -> list[float]:
    """Ask so many times, a little apart, what one holds; give how long each answer took."""
    took = []
    for _ in range(times):
        answer, _messages = desk.command(PEOPLE["maya"], GENERAL, "/my-access")
        assert answer.body.count("Staging") >= _OWN, answer.body[:500]
        took.append(answer.seconds)
        time.sleep(0.01)
    return took


def fill(company: Company, first: int, beyond: int) -> None:
    """Have others hold the live grants of these numbers, ten each."""
    now = company.box.store.now()
    records.store(
        company.box.store,
        (records.made_up(number, requester=f"U9X{number // 10:06d}", now=now) for number in range(first, beyond)),
    )


def compare(company: Company, few: int, many: int, times: int) -> tuple[list[float], list[float]]:
    """Ask with few live grants in the store, then with many, of somebody who holds the same in both."""
    desk, now = company.desk(), company.box.store.now()
    own = (records.made_up(number, requester=PEOPLE["maya"], now=now) for number in range(_OWN))
    records.store(company.box.store, own)
    fill(company, _OWN, few)
    ask(desk, _BEFORE)
    with_few = ask(desk, times)
    fill(company, few, many)
    ask(desk, _BEFORE)
    return with_few, ask(desk, times)


def run(few: int = 100, many: int = 100_000, times: int = 200) -> list[str]:
    """Measure both, and their ratio."""
    with company() as running:
        with_few, with_many = compare(running, few, many, times)
    ratio = median(with_many) / median(with_few)
    return [
        f"/my-access of somebody with {_OWN} grants: the acknowledgement holds the answer",
        percentiles(f"{few} live grants", with_few),
        percentiles(f"{many} live grants", with_many),
        plain("ratio of the medians", f"{ratio:.2f}", "≤ 1.2"),
    ]
