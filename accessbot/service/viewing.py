"""Looking: what a person holds, what they may see of the catalog, and which names are close to a wrong one."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

import structlog

from accessbot.domain import lifecycle, policy
from accessbot.domain.errors import Refused, VendorError
from accessbot.domain.model import GrantState, RequestKind, SelectorKind
from accessbot.domain.notices import Holding, Holdings
from accessbot.domain.work import Urgency
from accessbot.ports import urgency
from accessbot.service import authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import timedelta

    from accessbot.domain.model import Catalog, Entitlement, Grant, Selector
    from accessbot.domain.rules import Policy
    from accessbot.service.context import Context

_ENOUGH = 200
_log = structlog.get_logger(__name__)


def visible(ctx: Context, slack_id: str) -> frozenset[str]:
    """Name the policies under which a person may ask for something, the normal way or in an emergency, read live.

    It is for what is shown, and decides nothing: what cannot be read right now counts as a yes. Nobody is looked up
    where everybody may ask for everything. Raises `Refused` for somebody who may hold nothing at all, `VendorError`
    when it cannot be told who they are.
    """
    entitlements = ctx.catalog.current().entitlements.values()
    policies = {entitlement.policy.name: entitlement.policy for entitlement in entitlements}
    if all(any(who.kind is SelectorKind.EVERYONE for who in rule.requesters) for rule in policies.values()):
        return frozenset(policies)
    before = urgency.set(Urgency.SWEEPING)  # nobody's access waits for this
    try:
        holds = _generously(authority.holds(ctx, authority.identify(ctx, slack_id)))
        return frozenset(name for name, rule in policies.items() if policy.covers(_may_ask(rule), holds))
    finally:
        urgency.reset(before)


def _may_ask(rule: Policy) -> Iterable[Selector]:
    return (*rule.requesters, *(rule.emergency.eligible if rule.emergency is not None else ()))


def _generously(holds: Callable[[Selector], bool]) -> Callable[[Selector], bool]:
    """Ask about each selector once, and take what cannot be told for a yes."""
    known: dict[Selector, bool] = {}

    def covered(selector: Selector) -> bool:
        if selector not in known:
            try:
                known[selector] = holds(selector)
            except (Refused, VendorError) as error:
                _log.info("shown, as it cannot be told", selector=str(selector), error=error.sentence)
                known[selector] = True
        return known[selector]

    return covered


def holdings(ctx: Context, *, requester: str) -> Holdings:
    """Gather what a person holds, waits for and is losing; the cost grows with that person's grants alone."""
    catalog = ctx.catalog.current()
    grants = ctx.store.grants_of(requester)
    pending = ctx.store.pending_of(requester)
    now = ctx.store.now()
    extensions = {r.grant_id: r for r in pending if r.kind is RequestKind.EXTEND}
    live = []
    for grant in grants:
        if grant.state is not GrantState.ACTIVE or now >= grant.expires_at:
            continue
        entitlement = catalog.entitlements.get(grant.entitlement)
        live.append(
            Holding(
                grant=grant,
                entitlement=entitlement,
                left=grant.expires_at - now,
                extensions=() if grant.id in extensions else _offered(ctx, grant, entitlement),
                extension=extensions.get(grant.id),
            )
        )
    shown = {holding.grant.id for holding in live}
    begun = [g for g in grants if g.state is GrantState.PROVISIONING]
    delegation = ctx.store.delegation(requester)
    return Holdings(
        person=requester,
        holdings=tuple(live),
        preparing=tuple(g for g in begun if not lifecycle.is_early(g, now)),
        ending=tuple(g for g in grants if g.state is not GrantState.PROVISIONING and g.id not in shown),
        pending=tuple(r for r in pending if r.kind is RequestKind.ACCESS),
        scheduled=tuple(sorted((g for g in begun if lifecycle.is_early(g, now)), key=lambda g: g.starts_at)),
        delegation=delegation if delegation is not None and now < delegation.ends else None,
        start_url=ctx.terms.start_url,
        now=now,
    )


def _offered(ctx: Context, grant: Grant, entitlement: Entitlement | None) -> tuple[timedelta, ...]:
    """List by how much a grant can be extended; what is held for a shift ends with the shift."""
    if entitlement is None or grant.schedule:
        return ()
    return policy.extensions_offered(grant, entitlement.policy, ctx.terms.shortest)


def nearest(catalog: Catalog, text: str, n: int = 3, policies: frozenset[str] | None = None) -> tuple[str, ...]:
    """Name up to `n` entitlements whose ids are close to `text`: those that contain it, then those spelt alike.

    With `policies` only those under one of them are named.
    """
    wanted = text.strip().casefold()
    if not wanted:
        return ()
    names = [name for name, e in catalog.entitlements.items() if policies is None or e.policy.name in policies]
    inside = [name for name in names if wanted in name.casefold()][:n]
    if len(inside) < n:
        # Comparing spellings is quadratic; in a large catalog only names with the same first letter are compared.
        pool = names if len(names) <= _ENOUGH else [name for name in names if name[:1].casefold() == wanted[:1]]
        alike = get_close_matches(wanted, pool[: 10 * _ENOUGH], n=n, cutoff=0.5)
        inside += [name for name in alike if name not in inside]
    return tuple(inside[:n])
