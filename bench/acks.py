"""How soon commands and clicks are acknowledged, at fifty a second and with a large catalog."""

from __future__ import annotations

import signal
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from accessbot.sandbox.slack.controls import controls
from accessbot.sandbox.slack.delivery import Answer
from accessbot.sandbox.slack.desk import Desk
from bench.catalogs import write_large
from bench.company import APPROVALS, GENERAL, PEOPLE, Company, company
from bench.figures import percentiles, plain

Json = dict[str, Any]
Press = Callable[[int], Answer]

_FORM = "/request-aws, opens the form"
_THREADS = 32


def kinds(company: Company, desk: Desk) -> dict[str, Press]:
    """Give what is pressed and typed, by name, each taking its number."""
    card = card_of(company)
    button = next(each for each in controls(card["blocks"]) if each.label == "Approve")
    pressed = {
        "block_id": button.block_id,
        "action_id": button.action_id,
        "value": button.element.get("value"),
        "stale": True,
    }
    approvers = [PEOPLE["priya"], PEOPLE["tomas"], PEOPLE["ines"]]
    askers = [PEOPLE["maya"], PEOPLE["noah"]]
    return {
        "/my-access": lambda n: desk.command(askers[n % 2], GENERAL, "/my-access")[0],
        "/request-aws in one line": lambda n: desk.command(
            askers[n % 2], GENERAL, f"/request-aws account-{n % 100:04d}-set-{n % 50} 30m measured ask {n}"
        )[0],
        "Approve": lambda n: desk.press_in_message(approvers[n % 3], APPROVALS, card["ts"], pressed),
        _FORM: lambda n: desk.command(askers[n % 2], GENERAL, "/request-aws")[0],
    }


def card_of(company: Company) -> Json:
    """Have somebody ask for something, and give the approvers' message."""
    reason = "measured acknowledgements"
    assert company.person("maya").command("/request-aws", f"staging-admin 5m {reason}").ok
    return company.person("priya").wait_for_message("approvals", reason, timeout=30)


def press(what: dict[str, Press], per_second: int, seconds: float) -> tuple[dict[str, list[float]], float]:
    """Press everything in turn at that rate; give the seconds by name, and how far the presses fell behind at most."""
    took: dict[str, list[float]] = defaultdict(list)
    behind = 0.0
    began = time.monotonic() + 0.2
    names = list(what)

    def one(number: int) -> None:
        nonlocal behind
        name = names[number % len(names)]
        behind = max(behind, time.monotonic() - began - number / per_second)
        answer = what[name](number // len(names))
        assert answer.acked, f"{name}: {answer}"
        took[name].append(answer.seconds)

    with ThreadPoolExecutor(_THREADS) as pool:
        waiting = []
        for number in range(int(per_second * seconds)):
            time.sleep(max(0.0, began + number / per_second - time.monotonic()))
            waiting.append(pool.submit(one, number))
        for each in waiting:
            each.result()
    return took, behind


def only_web(company: Company) -> None:
    """End all processes but the web's."""
    for name in ("worker", "clock"):
        process = company.box.processes.running.pop(name)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=15)


def vendor_calls(company: Company) -> int:
    """Count all calls that Google and AWS have seen."""
    return len(company.box.world.google.directory.journal.calls()) + len(company.box.world.aws.journal.calls())


def run(per_second: int = 50, seconds: float = 20.0, entitlements: int = 10_000) -> list[str]:
    """Press with all processes at work, then with the web process alone, which then is the only one that could call."""
    lines = [f"{per_second} a second for {seconds:.0f} s, {entitlements} entitlements: sent → acknowledged"]
    with TemporaryDirectory() as folder:
        catalog = str(write_large(Path(folder), entitlements))
        with company(ACCESSBOT_CATALOG=catalog) as running:
            what = kinds(running, running.desk())
            press(what, per_second, 2.0)
            only_web(running)
            before = vendor_calls(running)
            took, _ = press(what, per_second, seconds)
            called = vendor_calls(running) - before
            lines += told("web alone", took)
            assert called == 0, f"the web process made {called} vendor calls"
            lines.append(plain("  vendor calls meanwhile", str(called), "none"))
        with company(ACCESSBOT_CATALOG=catalog) as running:
            what = kinds(running, running.desk())
            press(what, per_second, 2.0)
            took, behind = press(what, per_second, seconds)
            lines += told("with worker and clock on the same cores", took)
            lines.append(plain("  presses fell behind at most", f"{behind * 1000:.0f} ms"))
    return lines


def told(where: str, took: dict[str, list[float]]) -> list[str]:
    """Tell the times by kind, then all together, with and without the form, whose call to Slack comes before."""
    everything = [each for some in took.values() for each in some]
    plainly = [each for name, some in took.items() if name != _FORM for each in some]
    return [
        percentiles(f"{where}: all", everything, "p99 ≤ 100 ms"),
        percentiles("  without views.open", plainly),
        *(percentiles(f"    {name}", some) for name, some in took.items()),
    ]
