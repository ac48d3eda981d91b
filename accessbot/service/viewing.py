"""Looking: what a person holds, and which names are close to a wrong one."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from accessbot.domain import policy
from accessbot.domain.model import GrantState, RequestKind
from accessbot.domain.notices import Holding, Holdings

if TYPE_CHECKING:
    from accessbot.domain.model import Catalog
    from accessbot.service.context import Context

_ENOUGH = 200


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
        offered = policy.extensions_offered(grant, entitlement.policy, ctx.terms.shortest) if entitlement else ()
        live.append(
            Holding(
                grant=grant,
                entitlement=entitlement,
                left=grant.expires_at - now,
                extensions=() if grant.id in extensions else offered,
                extension=extensions.get(grant.id),
            )
        )
    shown = {holding.grant.id for holding in live}
    return Holdings(
        holdings=tuple(live),
        preparing=tuple(g for g in grants if g.state is GrantState.PROVISIONING),
        ending=tuple(g for g in grants if g.state is not GrantState.PROVISIONING and g.id not in shown),
        pending=tuple(r for r in pending if r.kind is RequestKind.ACCESS),
        start_url=ctx.terms.start_url,
        now=now,
    )


def nearest(catalog: Catalog, text: str, n: int = 3) -> tuple[str, ...]:
    """Name up to `n` entitlements whose ids are close to `text`: those that contain it, then those spelt alike."""
    wanted = text.strip().casefold()
    if not wanted:
        return ()
    names = list(catalog.entitlements)
    inside = [name for name in names if wanted in name.casefold()][:n]
    if len(inside) < n:
        # Comparing spellings is quadratic; in a large catalog only names with the same first letter are compared.
        pool = names if len(names) <= _ENOUGH else [name for name in names if name[:1].casefold() == wanted[:1]]
        alike = get_close_matches(wanted, pool[: 10 * _ENOUGH], n=n, cutoff=0.5)
        inside += [name for name in alike if name not in inside]
    return tuple(inside[:n])
