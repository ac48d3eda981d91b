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

FULL = r"""admins: [group:platform-security@example.com, on-call:payments]
reconcile: report
accounts:
  production: {id: "111122223333", name: Production, unit: prod/payments, tags: {env: production}}
  staging: {id: "444455556666", name: Staging, unit: dev, tags: {env: staging}}
schedules:
  payments:
    rotation:
      people: [user:maya@example.com, user:Noah@example.com, user:noah@example.com]
      every: 1w
      since: "2026-01-05 09:00"
      zone: Europe/Stockholm
      overrides:
        - {who: user:noah@example.com, from: "2026-12-24 09:00", until: "2026-12-26 09:00"}
        - {who: user:maya@example.com, from: "2026-12-26 09:00", until: "2026-12-27 09:00"}
    max_age: 2h
  sre: {ical: SRE_ROTA_URL, zone: Europe/Berlin}
  dba: {slack_usergroup: S0123ABCD}
  web: {pagerduty: PABC123}
rotation_grants:
  - {schedule: payments, entitlements: [production-admin, production-read]}
emergency_policies:
  break-glass:
    eligible: [on-call:payments, group:sre@example.com]
    owners: [group:platform-security@example.com, manager]
    incident: 'INC-\d+'
    default_duration: 30m
    max_duration: 1h
    step_down: {after: 2, within: 5d}
    remind: 12h
entitlements:
  - id: production-admin
    account: production
    permission_set: AdministratorAccess
    group: aws-production-admin@example.com
    policy: sensitive
    tags: {risk: high}
  - id: production-read
    account: production
    permission_set: ReadOnlyAccess
    group: aws-production-read@example.com
    policy: everyday
  - id: staging-admin
    account: staging
    permission_set: AdministratorAccess
    group: aws-staging-admin@example.com
    policy: everyday
policies:
  sensitive:
    requesters: [group:engineering@example.com, slack-usergroup:S0123ABCD, on-call:web]
    steps:
      - name: manager
        approvers: [manager]
      - name: security
        approvers: [group:security@example.com, user:ciso@example.com]
        approvals: 2
        tell: [on-call:payments]
        timeout: 30m
        escalate: [group:leads@example.com]
    distinct: false
    delegation: false
    default_duration: 1h
    max_duration: 8h
    durations: [30m, 1h, 4h]
    max_per_day: 8h
    cool_down: 30m
    ticket: {pattern: 'OPS-\d+', check: "https://tickets.example.com/allowed", timeout: 2s}
    emergency: break-glass
  everyday:
    requesters: [everyone]
    approvers: [group:sre@example.com]
    tell: [on-call:sre]
    timeout: 1h
    escalate: [manager]
    default_duration: 1h
    max_duration: 8h
rules:
  - name: no weekends
    deny: Production is closed on weekends.
    when: {accounts: [production], hours: {days: [sat, sun], zone: Europe/Stockholm}}
    unless: {requesters: [on-call:payments]}
  - name: on call at once
    approve: true
    tell: [group:sre-leads@example.com]
    when: {entitlements: [production-*], requesters: [on-call:payments], duration: {at_most: 1h}}
  - name: long ones
    policy: sensitive
    when: {permission_sets: [Administrator*], duration: {above: 4h}, units: [prod], tags: {env: production, risk: high}}
    ticket: {pattern: 'OPS-\d+'}
  - name: contractors need a ticket
    policy: same
    when:
      expression: 'requester.email.endsWith("@contractor.example.com")'
      hours: [{from: "09:00", to: "17:00", zone: UTC}, {days: [mon], zone: UTC}]
    ticket: {pattern: 'OPS-\d+'}
"""
"""A right catalog that uses every key there is."""


def changed(old: str, new: str) -> bytes:
    """The right catalog with one text replaced, as a file's bytes."""
    if old not in RIGHT:
        raise ValueError(f"{old!r} is not in the catalog")
    return RIGHT.replace(old, new, 1).encode()


def marked(old: str, new: str) -> tuple[bytes, int]:
    """The full catalog with one text replaced, as a file's bytes, and the number of the line that ¶ marks in it."""
    if FULL.count(old) != 1:
        raise ValueError(f"{old!r} is not in the catalog exactly once")
    text = FULL.replace(old, new)
    return text.replace("¶", "").encode(), text[: text.index("¶")].count("\n") + 1


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
