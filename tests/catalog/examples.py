"""Catalog texts for tests and measurements."""

from __future__ import annotations

RIGHT = """\
admins: [group:platform-security@example.com]
reconcile: report
accounts:
  production: {id: "111122223333", name: Production}
entitlements:
  - id: production-admin
    account: production
    permission_set: AdministratorAccess
    group: aws-production-admin@example.com
    identity_center_group: aws-production-admin
    policy: sensitive
    description: Full control of production
policies:
  sensitive:
    requesters: [everyone]
    approvers: [group:sre-leads@example.com, user:cto@example.com]
    approvals: 1
    default_duration: 1h
    max_duration: 8h
"""


def changed(old: str, new: str) -> bytes:
    """The right catalog with one text replaced, as a file's bytes."""
    if old not in RIGHT:
        raise ValueError(f"{old!r} is not in the catalog")
    return RIGHT.replace(old, new, 1).encode()


def large(entitlements: int, accounts: int = 200) -> str:
    """A right catalog with so many entitlements, each with a Google group of its own."""
    lines = ["accounts:"]
    lines += [f'  account-{n}: {{id: "{n:012d}", name: Account {n}}}' for n in range(accounts)]
    lines.append("entitlements:")
    for n in range(entitlements):
        lines += [
            f"  - id: entitlement-{n}",
            f"    account: account-{n % accounts}",
            f"    permission_set: Role{n}",
            f"    group: aws-{n}@example.com",
            "    policy: usual",
            f"    description: What number {n} opens",
        ]
    lines += [
        "policies:",
        "  usual:",
        "    requesters: [everyone]",
        "    approvers: [group:leads@example.com]",
        "    approvals: 1",
        "    default_duration: 1h",
        "    max_duration: 8h",
    ]
    return "\n".join(lines) + "\n"
