"""Reading a catalog's on-call schedules, and what whoever is on call holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from accessbot.adapters import catalog_fields as read
from accessbot.adapters import catalog_times as times
from accessbot.adapters.catalog_fields import Mistakes
from accessbot.adapters.catalog_people import TAKING_TURNS, USERGROUP, People
from accessbot.adapters.catalog_yaml import Node
from accessbot.adapters.endpoints import UnsafeEndpoint, checked_endpoint
from accessbot.domain.durations import compact
from accessbot.domain.model import SelectorKind
from accessbot.domain.oncall import Feed, Override, PagerDuty, Rotation, RotationGrant, Schedule, UserGroup
from accessbot.domain.rotations import overlapping

_SOURCES = ("rotation", "ical", "slack_usergroup", "pagerduty")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,99}", re.ASCII)
_PAGERDUTY = re.compile(r"[A-Z0-9]{4,40}", re.ASCII)
_SHORTEST_TURN = timedelta(hours=1)
_UTC = ZoneInfo("UTC")


class _Line(NamedTuple):
    """An override, and its line."""

    override: Override
    line: int


def schedules(node: Node, mistakes: Mistakes) -> dict[str, Schedule | None]:
    """Read all schedules; None stands for one that has mistakes."""
    return {
        name: _schedule(name, value, mistakes) for name, value in read.named(node, "schedules", mistakes, empty=True)
    }


def rotation_grants(
    node: Node, schedules: Mapping[str, object], entitlements: Iterable[str], mistakes: Mistakes
) -> tuple[RotationGrant, ...]:
    """Read who on call holds what; `entitlements` are all ids of the catalog, of broken ones too."""
    ids = dict.fromkeys(entitlements)
    found: list[RotationGrant] = []
    given: dict[tuple[str, str], int] = {}
    for number, entry in enumerate(read.items(node, "rotation_grants", mistakes) or (), start=1):
        what = f"rotation grant {number}"
        fields = read.record(entry, what, mistakes, required=("schedule", "entitlements"))
        schedule = None
        if "schedule" in fields:
            schedule = read.known(fields["schedule"], f"schedule of {what}", mistakes, schedules)
        items = None
        if "entitlements" in fields:
            items = read.items(fields["entitlements"], f"entitlements of {what}", mistakes)
            if items is not None and not items:
                mistakes.add(fields["entitlements"].line, f"entitlements of {what} is empty; list at least one id.")
        named: list[str] = []
        for item in items or ():
            entitlement = read.known(item, f"entitlement of {what}", mistakes, ids)
            if entitlement is None or schedule is None:
                continue
            first = given.setdefault((schedule, entitlement), item.line)
            if first != item.line or entitlement in named:
                mistakes.add(item.line, f"{what} gives “{entitlement}” to “{schedule}” again; line {first} did so.")
            named.append(entitlement)
        if schedule is not None:
            found.append(RotationGrant(schedule=schedule, entitlements=tuple(named)))
    return tuple(found)


def _schedule(name: str, node: Node, mistakes: Mistakes) -> Schedule | None:
    what = f"schedule “{name}”"
    before = len(mistakes.found)
    fields = read.record(node, what, mistakes, required=(), optional=(*_SOURCES, "zone", "max_age"))
    if len(mistakes.found) > before:
        return None
    sources = [key for key in _SOURCES if key in fields]
    if len(sources) != 1:
        told = f"has {' and '.join(sources)}" if sources else "says nowhere who is on call"
        mistakes.add(node.line, f"{what} {told}; give exactly one of {', '.join(_SOURCES)}.")
        return None
    source = _source(sources[0], fields, what, mistakes)
    if "zone" in fields and sources[0] != "ical":
        inside = "inside rotation" if sources[0] == "rotation" else "only with ical"
        mistakes.add(fields["zone"].line, f"zone of {what} has no meaning there; write it {inside}.")
    max_age = read.duration(fields["max_age"], f"max_age of {what}", mistakes) if "max_age" in fields else None
    if len(mistakes.found) > before or source is None:
        return None
    return (
        Schedule(name=name, source=source) if max_age is None else Schedule(name=name, source=source, max_age=max_age)
    )


def _source(
    key: str, fields: Mapping[str, Node], what: str, mistakes: Mistakes
) -> Rotation | Feed | UserGroup | PagerDuty | None:
    node, where = fields[key], f"{key} of {what}"
    if key == "rotation":
        return _rotation(node, what, mistakes)
    if key == "ical":
        return _feed(node, fields.get("zone"), what, mistakes)
    if key == "slack_usergroup":
        rule = "has to be the id of a Slack user group like S0123ABCD"
        usergroup = read.matching(node, where, mistakes, USERGROUP, rule)
        return UserGroup(id=usergroup) if usergroup else None
    rule = "has to be the id of a PagerDuty schedule like PABC123"
    schedule = read.matching(node, where, mistakes, _PAGERDUTY, rule)
    return PagerDuty(id=schedule) if schedule else None


def _feed(node: Node, zone: Node | None, what: str, mistakes: Mistakes) -> Feed | None:
    where = f"ical of {what}"
    address = read.text(node, where, mistakes, most=2_000)
    its_zone = _UTC if zone is None else times.zone(zone, f"zone of {what}", mistakes)
    if address is None or its_zone is None:
        return None
    if not _VARIABLE.fullmatch(address):
        if "://" not in address:
            mistakes.add(
                node.line,
                f"{where} has to be an https address, or the name of an environment variable like SRE_ROTA_URL.",
            )
            return None
        if not safe_address(address, node.line, where, mistakes):
            return None
    return Feed(address=address, zone=its_zone)


def safe_address(address: str, line: int, what: str, mistakes: Mistakes) -> bool:
    """Tell whether an address is https or leads to this machine; if not, that is noted. It may be a secret."""
    try:
        checked_endpoint(address, what)
    except UnsafeEndpoint as error:
        mistakes.add(line, error.sentence)
        return False
    return True


# --- rotations --------------------------------------------------------------------------------------------------------


def _rotation(node: Node, what: str, mistakes: Mistakes) -> Rotation | None:
    what = f"rotation of {what}"
    before = len(mistakes.found)
    required = ("people", "every", "since", "zone")
    fields = read.record(node, what, mistakes, required=required, optional=("overrides",))
    people = People({}, mistakes)
    turns = people.listed(fields["people"], f"people of {what}", TAKING_TURNS) if "people" in fields else []
    groups = [(one, line) for one, line in turns if one.kind is SelectorKind.GROUP]
    if groups and len(turns) > 1:
        group, line = groups[0]
        mistakes.add(line, f"people of {what} mix {group} with others; give users alone, or one group alone.")
    every = times.period(fields["every"], f"every of {what}", mistakes) if "every" in fields else None
    if every is not None and every < _SHORTEST_TURN:
        mistakes.add(fields["every"].line, f"every of {what} is {compact(every)}; a turn is at least 1h.")
    since = times.wall(fields["since"], f"since of {what}", mistakes) if "since" in fields else None
    zone = times.zone(fields["zone"], f"zone of {what}", mistakes) if "zone" in fields else None
    overrides = _overrides(fields["overrides"], what, people, mistakes) if "overrides" in fields else ()
    if len(mistakes.found) > before or every is None or since is None or zone is None:
        return None
    who = tuple(one for one, _ in turns)
    return Rotation(people=who, every=every, since=since, zone=zone, overrides=overrides)


def _overrides(node: Node, what: str, people: People, mistakes: Mistakes) -> tuple[Override, ...]:
    lines: list[_Line] = []
    for number, item in enumerate(read.items(node, f"overrides of {what}", mistakes) or (), start=1):
        override = _override(item, f"override {number} of the {what}", people, mistakes)
        if override is not None:
            lines.append(_Line(override, item.line))
    of = {id(each.override): each.line for each in lines}
    for earlier, later in overlapping(each.override for each in lines):
        mistakes.add(
            of[id(later)],
            f"the override of the {what} for {later.who} from {later.begins:%Y-%m-%d %H:%M} overlaps the one on line "
            f"{of[id(earlier)]}; let each end before the next begins.",
        )
    return tuple(each.override for each in lines)


def _override(node: Node, what: str, people: People, mistakes: Mistakes) -> Override | None:
    fields = read.record(node, what, mistakes, required=("who", "from", "until"))
    who = people.one(fields["who"], f"who of {what}", TAKING_TURNS) if "who" in fields else None
    begins = times.wall(fields["from"], f"from of {what}", mistakes) if "from" in fields else None
    ends = times.wall(fields["until"], f"until of {what}", mistakes) if "until" in fields else None
    if who is not None and who.kind is SelectorKind.GROUP:
        mistakes.add(fields["who"].line, f"who of {what} is {who}; name one person, like user:name@example.com.")
        return None
    if who is None or begins is None or ends is None:
        return None
    if ends <= begins:
        mistakes.add(fields["until"].line, f"until of {what} is not after its from.")
        return None
    return Override(who=who, begins=begins, ends=ends)
