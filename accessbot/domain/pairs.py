"""How a pair changes: the step that takes it into use, and the event that tells of it."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from accessbot.domain.lifecycle import SYSTEM
from accessbot.domain.model import AuditEvent, Pair

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from accessbot.domain.model import Grant


class PairStep(NamedTuple):
    """A changed pair and the event that tells of it."""

    record: Pair
    event: AuditEvent


def decided(pair: Pair, standing: Mapping[str, bool], grant: Grant, at: datetime) -> PairStep:
    """Take a pair into use for a grant: whose the membership is on each side, which holds while it is in use."""
    event = AuditEvent(
        time=at,
        actor=SYSTEM,
        action="membership.decided",
        subject=pair.key,
        person=grant.requester,
        entitlement=grant.entitlement,
        data=MappingProxyType(dict(standing)),
    )
    return PairStep(replace(pair, standing=standing, last_ended_at=None), event)
