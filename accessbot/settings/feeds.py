"""What the environment has to hold for the on-call schedules of a catalog, beyond what every process needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from accessbot.adapters.oncall_addresses import NoAddress, resolve
from accessbot.domain.oncall import Feed, PagerDuty, Schedule
from accessbot.settings.loading import SettingsInvalid
from accessbot.settings.table import Settings


def check_feeds(settings: Settings, schedules: Iterable[Schedule], environ: Mapping[str, str]) -> None:
    """Make sure that every schedule that is kept outside can be asked for.

    Raises `SettingsInvalid` with every variable that is missing or wrong, and the schedules that need it.
    """
    problems = tuple(dict.fromkeys(_problems(settings, tuple(schedules), environ)))
    if problems:
        raise SettingsInvalid(problems)


def _problems(settings: Settings, schedules: tuple[Schedule, ...], environ: Mapping[str, str]) -> Iterator[str]:
    paged = [schedule.name for schedule in schedules if isinstance(schedule.source, PagerDuty)]
    if paged and not settings.pagerduty_api_token.get_secret_value():
        yield (
            "PAGERDUTY_API_TOKEN is not set: set it to a read-only REST API key of PagerDuty, which the catalog's "
            f"schedule {paged[0]} is read with"
        )
    for schedule in schedules:
        if isinstance(schedule.source, Feed):
            try:
                resolve(schedule.source.address, environ)
            except NoAddress as error:
                yield f"{error.sentence} (schedule {schedule.name})"
