"""What the web process says of itself: that it lives, whether what it depends on answers, and its figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from slack_sdk.errors import SlackApiError, SlackClientError

from accessbot.domain.errors import AccessbotError, Missing, Unavailable

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric
    from slack_sdk import WebClient

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
        up = GaugeMetricFamily("accessbot_up", "1 when the store answers")
        try:
            counts = self._context.store.count()
            beats = self._context.store.beats()
        except AccessbotError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        for name, meaning, label in (
            ("grants", "Grants by state", "state"),
            ("requests", "Access requests by state", "state"),
            ("due", "Works in the due-index by lane", "lane"),
        ):
            family = GaugeMetricFamily(f"accessbot_{name}", meaning, labels=[label])
            for key, count in sorted(counts.items()):
                kind, _, value = key.partition(".")
                if kind == name:
                    family.add_metric([value], count)
            yield family
        yield GaugeMetricFamily("accessbot_audit_events", "Events in the audit log", value=counts.get("audit", 0))
        processes = GaugeMetricFamily("accessbot_processes", "Living processes by role", labels=["role"])
        roles = [role for _, role, _ in beats]
        for role in sorted(set(roles)):
            processes.add_metric([role], roles.count(role))
        yield processes
        catalogs = {catalog for _, _, catalog in beats}
        yield GaugeMetricFamily(
            "accessbot_catalogs", "Different catalogs that living processes work with", value=len(catalogs)
        )
