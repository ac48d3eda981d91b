"""What the web process says of itself: that it lives, whether what it depends on answers, and its figures."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from slack_sdk.errors import SlackApiError, SlackClientError

from accessbot.domain.errors import AccessbotError, Missing, Unavailable
from accessbot.domain.notices import AlertKind
from accessbot.service import ending

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric
    from slack_sdk import WebClient

    from accessbot.ports import Beat, GateState
    from accessbot.service.context import Context

_log = structlog.get_logger(__name__)

_VENDORS_KNOWN_S = 15.0
_NOBODY = "0"


@dataclass(slots=True)
class Health:
    """Answers `/readyz` and `/metrics` from the live dependencies; vendors are asked every 15 s at most."""

    context: Context
    slack: WebClient
    _asked: float = field(default=0.0)
    _vendors: dict[str, str] = field(default_factory=dict)

    def ready(self) -> dict[str, str]:
        """Say of each dependency `ok`, or in a sentence why it does not answer."""
        answers = {"redis": _try(self._redis)}
        if not self._vendors or time.monotonic() - self._asked > _VENDORS_KNOWN_S:
            self._asked = time.monotonic()
            self._vendors = {
                "slack": _try(self._slack),
                "google": _try(self._google),
                "aws": _try(self._aws),
            }
        return answers | self._vendors

    def metrics(self) -> bytes:
        """Give the figures in Prometheus' text format; without the store there is only `accessbot_up 0`."""
        registry = CollectorRegistry()
        registry.register(_Figures(self.context))
        return generate_latest(registry)

    def _redis(self) -> None:
        self.context.store.now()

    def _slack(self) -> None:
        try:
            self.slack.api_test()
        except SlackApiError as error:
            _log.info("Slack answers", code=error.response.get("error"))  # it is there: that is what was asked
        except (SlackClientError, OSError) as error:
            raise Unavailable("Slack", "api.test", f"Slack does not answer ({type(error).__name__}).") from error

    def _google(self) -> None:
        for entitlement in self.context.catalog.current().entitlements.values():
            self.context.directory.is_member(entitlement.group, _NOBODY)
            return

    def _aws(self) -> None:
        for entitlement in self.context.catalog.current().entitlements.values():
            self.context.identity_center.find_group(entitlement.identity_center_group or entitlement.group)
            return


def _try(ask: Callable[[], None]) -> str:
    try:
        ask()
    except Missing:
        return "ok"  # it answered: what is missing is for the catalog's check to say
    except AccessbotError as error:
        return error.sentence
    except Exception as error:  # noqa: BLE001 - an unknown failure of a check is an answer too; it is logged
        _log.exception("readiness check failed unexpectedly")
        return f"failed unexpectedly: {type(error).__name__}"
    return "ok"


class _Figures:
    """Collects the figures of all processes from the store, at the moment they are asked for."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        store = self._context.store
        try:
            figures = [*_counts(store.count()), *_processes(store.beats())]
            late = ending.overdue(store)
            figures.append(_gauge("accessbot_revokes_overdue", "Ends of grants not proven within two minutes", late))
            figures += _gates(tuple(gate.state() for gate in self._context.gates))
        except AccessbotError:
            yield _gauge("accessbot_up", "1 when the store answers", 0)
            return
        yield _gauge("accessbot_up", "1 when the store answers", 1)
        yield from figures


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)


def _by(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([key], value)
    return family


def _counts(counts: Mapping[str, int]) -> Iterator[Metric]:
    def those(kind: str) -> dict[str, float]:
        return {key.partition(".")[2]: count for key, count in counts.items() if key.startswith(f"{kind}.")}

    yield _by("accessbot_grants", "Grants by state", "state", those("grants"))
    yield _by("accessbot_requests", "Access requests by state", "state", those("requests"))
    yield _by("accessbot_due", "Works in the due-index by lane", "lane", those("due"))
    yield _by("accessbot_ready", "Works whose time has come, and nobody took yet, by lane", "lane", those("ready"))
    yield _gauge("accessbot_audit_events", "Events in the audit log", counts.get("audit", 0))
    told = CounterMetricFamily("accessbot_alerts", "Alerts posted by kind", labels=["kind"])
    for kind in AlertKind:
        told.add_metric([str(kind)], counts.get(f"alerts.{kind}", 0))
    yield told


def _processes(beats: Sequence[Beat]) -> Iterator[Metric]:
    yield _by("accessbot_processes", "Living processes by role", "role", Counter(beat.role for beat in beats))
    yield _by(
        "accessbot_clock_skew_seconds",
        "The time of Redis less that of a living process",
        "process",
        {beat.process: beat.skew.total_seconds() for beat in beats},
    )
    catalogs = {beat.catalog for beat in beats}
    yield _gauge("accessbot_catalogs", "Different catalogs that living processes work with", len(catalogs))


def _gates(states: Sequence[GateState]) -> Iterator[Metric]:
    for name, meaning, values in (
        ("open", "1 while calls are held back, as the vendor failed several times in a row", lambda s: float(s.open)),
        ("wait_seconds", "How long calls wait before the next is made", lambda s: s.wait.total_seconds()),
        ("left", "Calls that may be made at once, of the quota that all workers share", lambda s: s.left),
    ):
        yield _by(f"accessbot_gate_{name}", meaning, "vendor", {state.vendor: values(state) for state in states})
