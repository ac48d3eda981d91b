"""The company of the service's tests: its catalog, and the people in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

from accessbot.domain.model import Account, Catalog, Entitlement, Selector, SelectorKind
from accessbot.domain.rules import Policy, Step

HOUR = timedelta(hours=1)

LEADS = Selector(SelectorKind.GROUP, "sre-leads@example.com")
SECURITY = Selector(SelectorKind.GROUP, "platform-security@example.com")
CTO = Selector(SelectorKind.USER, "cto@example.com")
EVERYONE = Selector(SelectorKind.EVERYONE)

PEOPLE = ("maya", "noah", "priya", "tomas", "ines", "cto")
"""maya and noah ask; priya and tomas are leads; ines is an administrator; cto is named as an approver."""


def slack_id(name: str) -> str:
    """Give a person's Slack user id."""
    return f"U_{name.upper()}"


def email(name: str) -> str:
    """Give a person's address."""
    return f"{name}@example.com"


def policy(name: str = "sensitive", *, approvals: int = 1, hours: int = 8) -> Policy:
    """Give a policy: everyone asks, leads and the CTO decide."""
    return Policy(
        name=name,
        requesters=(EVERYONE,),
        steps=(Step(approvers=(LEADS, CTO), approvals=approvals),),
        default_duration=min(HOUR, hours * HOUR),
        max_duration=hours * HOUR,
    )


def entitlement(name: str, account: Account, permission_set: str, under: Policy, group: str = "") -> Entitlement:
    """Give an entitlement on a Google group, by default one of its own name."""
    return Entitlement(
        id=name,
        account=account,
        permission_set=permission_set,
        group=group or f"aws-{name}@example.com",
        identity_center_group=None,
        policy=under,
        description=name,
    )


def catalog() -> Catalog:
    """Give the company's catalog; `production-oncall` shares the group of `production-admin`."""
    production = Account(key="production", id="111122223333", name="Production")
    payments = Account(key="payments", id="222233334444", name="Payments")
    sensitive, usual, two = policy(), policy("usual", hours=4), policy("two-people", approvals=2, hours=4)
    admin = entitlement("production-admin", production, "AdministratorAccess", sensitive)
    oncall = entitlement("production-oncall", production, "AdministratorAccess", usual, admin.group)
    paid = entitlement("payments-admin", payments, "AdministratorAccess", two)
    return Catalog(
        hash="c1",
        admins=(SECURITY,),
        reconcile="report",
        accounts=MappingProxyType({a.key: a for a in (production, payments)}),
        entitlements=MappingProxyType({e.id: e for e in (admin, oncall, paid)}),
        policies=MappingProxyType({p.name: p for p in (sensitive, usual, two)}),
    )


def without(old: Catalog, name: str) -> Catalog:
    """Give the catalog without one entitlement."""
    left = {e.id: e for e in old.entitlements.values() if e.id != name}
    return replace(old, entitlements=MappingProxyType(left))


def having(old: Catalog, changed: Entitlement) -> Catalog:
    """Give the catalog with one entitlement in place of that of its id."""
    return replace(old, entitlements=MappingProxyType({**old.entitlements, changed.id: changed}))
