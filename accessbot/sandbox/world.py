"""The company of the sandbox: its people, groups, accounts and catalog, on stand-ins for Google, AWS and Slack."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from accessbot.sandbox.aws import Aws
from accessbot.sandbox.faults import Faults
from accessbot.sandbox.google import Google
from accessbot.sandbox.oncall import OnCall, Rota

if TYPE_CHECKING:
    from types import TracebackType

CATALOG: Final = Path(__file__).with_name("catalog.yml")

_PEOPLE: Final = {
    "maya@example.com": "Maya Lindqvist",
    "noah@example.com": "Noah Okafor",
    "priya@example.com": "Priya Raman",
    "tomas@example.com": "Tomas Novak",
    "ines@example.com": "Ines Duarte",
    "gabe@example.com": "Gabe Contractor",
}
_MANAGERS: Final = {
    "maya@example.com": "priya@example.com",
    "noah@example.com": "priya@example.com",
    "tomas@example.com": "priya@example.com",
    "priya@example.com": "ines@example.com",
}
_TEAMS: Final = {
    "sre-leads@example.com": ("priya@example.com", "tomas@example.com"),
    "platform-security@example.com": ("ines@example.com",),
}


@dataclass(frozen=True, slots=True)
class Opening:
    """What one mapped Google group opens."""

    group: str
    entitlement: str
    account_id: str
    account: str
    permission_set: str

    @property
    def aws_group(self) -> str:
        """The Identity Center group's display name."""
        return self.group.partition("@")[0]


OPENINGS: Final = (
    Opening(
        "aws-production-admin@example.com", "production-admin", "111122223333", "Production", "AdministratorAccess"
    ),
    Opening(
        "aws-production-readonly@example.com", "production-readonly", "111122223333", "Production", "ReadOnlyAccess"
    ),
    Opening("aws-payments-admin@example.com", "payments-admin", "222233334444", "Payments", "AdministratorAccess"),
    Opening("aws-staging-admin@example.com", "staging-admin", "333344445555", "Staging", "AdministratorAccess"),
    Opening("aws-data-analyst@example.com", "data-analyst", "444455556666", "Data platform", "DataAnalyst"),
    Opening("aws-payments-ledger@example.com", "payments-ledger", "222233334444", "Payments", "LedgerWrite"),
    Opening(
        "aws-production-operator@example.com", "production-operator", "111122223333", "Production", "PowerUserAccess"
    ),
    Opening("aws-data-export@example.com", "data-export", "444455556666", "Data platform", "DataExport"),
    Opening(
        "aws-production-network@example.com",
        "production-network",
        "111122223333",
        "Production",
        "NetworkAdministrator",
    ),
    Opening("aws-data-oncall@example.com", "data-oncall", "444455556666", "Data platform", "DatabaseAdministrator"),
)
FEED: Final = "sre"
"""The schedule that the sandbox's catalog reads from an iCal feed."""
PAGER: Final = "PSANDBOX"
"""The schedule that the sandbox's catalog reads from PagerDuty."""
# Nobody is on call for the data platform at first: whoever is gets access without having asked for it.
_SCHEDULES: Final = {FEED: ("SRE", "tomas@example.com"), PAGER: ("Data platform", None)}
_TICKETS: Final = "http://127.0.0.1:8378/tickets"  # as the catalog's file has it
_CLOSED_TICKETS: Final = {"OPS-404": "OPS-404 is closed; open it again or name another one."}
_STANDING: Final = ("aws-production-readonly@example.com", "ines@example.com")


@dataclass(slots=True)
class World:
    """Google, AWS, paging and tickets as the catalog of the sandbox expects them, with one board of faults for all."""

    faults: Faults = field(default_factory=Faults)
    google: Google = field(init=False)
    aws: Aws = field(init=False)
    oncall: OnCall = field(init=False)

    def __post_init__(self) -> None:
        """Make the stand-ins; `start` opens and fills them."""
        self.google = Google(faults=self.faults)
        self.aws = Aws(faults=self.faults)
        self.oncall = OnCall(Rota(_PEOPLE), faults=self.faults)

    def start(self) -> Self:
        """Serve, with everybody and every group in place."""
        self.google.start()
        self.aws.start()
        self.oncall.start()
        directory = self.google.directory
        for email, name in _PEOPLE.items():
            directory.add_user(email, name, manager=_MANAGERS.get(email))
            self.aws.add_user(email, name)
        for team, members in _TEAMS.items():
            directory.add_group(team)
            for member in members:
                directory.add_member(team, member)
        for name in sorted({opening.permission_set for opening in OPENINGS}):
            self.aws.add_permission_set(name, session_duration="PT1H")
        for opening in OPENINGS:
            directory.add_group(opening.group)
            self.aws.add_group(opening.aws_group)
            self.aws.assign(opening.account_id, opening.permission_set, opening.aws_group)
        group, person = _STANDING
        directory.add_member(group, person)
        self.aws.add_member(group.partition("@")[0], person)
        self._take_turns()
        return self

    def _take_turns(self) -> None:
        rota = self.oncall.rota
        for schedule, (name, person) in _SCHEDULES.items():
            if rota.schedule(schedule) is None:
                rota.add(schedule, name)
                rota.hand_over(schedule, person)
        for ticket, reason in _CLOSED_TICKETS.items():
            rota.refuse_ticket(ticket, reason)

    def stop(self) -> None:
        """Close all."""
        self.google.stop()
        self.aws.stop()
        self.oncall.stop()

    def catalog(self) -> str:
        """The sandbox's catalog, with the address at which tickets are checked here."""
        return CATALOG.read_text(encoding="utf-8").replace(_TICKETS, self.oncall.tickets)

    def env(self) -> dict[str, str]:
        """The environment that points accessbot at the stand-ins."""
        return {
            "GOOGLE_API_URL": self.google.url,
            "GOOGLE_CLOUD_IDENTITY_URL": self.google.url,
            "GOOGLE_AUTH": "anonymous",
            "AWS_START_URL": "https://example.awsapps.com/start",
            "SRE_ROTA_URL": self.oncall.feed(FEED),
            "PAGERDUTY_URL": self.oncall.url,
            "PAGERDUTY_API_TOKEN": self.oncall.token,
            **self.aws.env(),
        }

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()
