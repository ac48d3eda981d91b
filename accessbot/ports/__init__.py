"""The sockets: what the rules need from the world, as Protocols. Adapters plug in; the service knows only these.

Every method may raise the named errors of `accessbot.domain.errors`, and nothing else, for what goes wrong outside:
`StoreUnavailable` / `Unclear` / `Conflict` from the store, a `VendorError` from Google, AWS and Slack.
"""

from __future__ import annotations

from accessbot.ports.calling import Gate, GateState, calls_until, urgency
from accessbot.ports.store import Beat, Change, Claim, Clock, Lease, Rebuilt, Store
from accessbot.ports.vendors import Directory, Expiry, Expressions, Feeds, IdentityCenter, Tickets, Workspace
from accessbot.ports.voice import CatalogSource, Notifier, Queue

__all__ = [
    "Beat",
    "CatalogSource",
    "Change",
    "Claim",
    "Clock",
    "Directory",
    "Expiry",
    "Expressions",
    "Feeds",
    "Gate",
    "GateState",
    "IdentityCenter",
    "Lease",
    "Notifier",
    "Queue",
    "Rebuilt",
    "Store",
    "Tickets",
    "Workspace",
    "calls_until",
    "urgency",
]
