"""The side panel and the guided minute: what the page shows beside Slack, read from the stand-ins and the records."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from accessbot.domain.errors import AccessbotError
from accessbot.domain.model import GrantState, RequestState
from accessbot.sandbox.aws_store import AwsError
from accessbot.sandbox.faults import PRESETS
from accessbot.sandbox.google_model import DirectoryError
from accessbot.sandbox.scenarios import SCENARIOS
from accessbot.sandbox.slack.errors import Refused
from accessbot.sandbox.world import OPENINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from accessbot.domain.model import Grant
    from accessbot.ports import Store
    from accessbot.sandbox.aws_store import IdentityStore, StoreMembership
    from accessbot.sandbox.google_model import Membership
    from accessbot.sandbox.google_state import Directory
    from accessbot.sandbox.world import Opening, World

Json = dict[str, Any]

_OPEN: Final = (GrantState.PROVISIONING, GrantState.ACTIVE, GrantState.REVOKING)
_STEPS: Final[tuple[Json, ...]] = (
    {
        "title": "Ask.",
        "text": "Maya needs production for an incident. Press Enter to send what is typed below, or fill in the form.",
        "do": {
            "label": "Type it as Maya",
            "as": "U01MAYA",
            "channel": "C03GENERAL",
            "text": "/request-aws production-admin 30s looking into INC-42",
        },
    },
    {
        "title": "Decide.",
        "text": "Priya is an approver. Her channel has the request: who, what, how long and why. Press Approve.",
        "do": {"label": "Be Priya", "as": "U03PRIYA", "channel": "C01APPROVALS"},
    },
    {
        "title": "Access appears.",
        "text": "accessbot adds Maya on both sides and reads both back before it says anything. Watch the panel.",
    },
    {
        "title": "Access ends by itself.",
        "text": "Maya has a link into the console. When her time is over, both memberships go, and are read back gone.",
        "do": {"label": "Be Maya again", "as": "U01MAYA"},
    },
    {
        "title": "Gone, and proven.",
        "text": "That was the whole life of a grant. Try /my-access, two approvers (payments-admin), or break things.",
    },
)


def iso(moment: datetime) -> str:
    """Write a time the way the page reads it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(slots=True)
class Panel:
    """Answers what the page asks of everything but Slack."""

    world: World
    store: Store
    dismissed: bool = field(default=False)
    begun_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def access(self) -> Json:
        """Show who is in which group on both sides, since when, and when it ends."""
        ends = self._ends()
        directory, store = self.world.google.directory, self.world.aws.store
        names = {user.id: user.user_name for user in store.users()}
        groups = []
        for opening in OPENINGS:
            google = [
                _member("email", member.email, member.added_at, ends.get((opening.group, member.email)))
                for member in _of_google(directory, opening)
            ]
            aws = [
                _member("user_name", name, membership.created_at, ends.get((opening.group, name)))
                for membership in _of_aws(store, opening)
                if (name := names.get(membership.user_id))
            ]
            groups.append(
                {
                    "group": opening.group,
                    "entitlement": opening.entitlement,
                    "account": f"{opening.account} ({opening.account_id})",
                    "permission_set": opening.permission_set,
                    "google": google,
                    "identity_center": aws,
                }
            )
        on = self.world.faults.active()
        faults = [
            {"id": p.id, "label": p.label, "description": p.description, "on": p.id in on} for p in PRESETS.values()
        ]
        rota = self.world.oncall.rota
        oncall = [
            {
                "schedule": each.id,
                "name": each.name,
                "person": next(iter(rota.on_call(each.id)), None),
                "people": list(rota.names),
            }
            for each in rota.schedules()
        ]
        return {
            "groups": groups,
            "faults": faults,
            "oncall": oncall,
            "scenarios": [scenario.shown() for scenario in SCENARIOS],
            "now": iso(datetime.now(UTC)),
        }

    def switch(self, fault_id: str, on: bool) -> None:  # noqa: FBT001 - the shape of every fault switch
        """Switch a fault on or off. Raises `Refused` for one there is not."""
        if fault_id not in PRESETS:
            raise Refused(f"there is no fault {fault_id} here")
        (self.world.faults.on if on else self.world.faults.off)(fault_id)

    def hand_over(self, schedule: str, person: str | None) -> None:
        """Have a person be on call from now on, or nobody. Raises `Refused` for a schedule or a person there is not."""
        rota = self.world.oncall.rota
        if rota.schedule(schedule) is None:
            raise Refused(f"there is no schedule {schedule} here")
        if person is not None and person not in rota.names:
            raise Refused(f"{person} takes no turns here")
        rota.hand_over(schedule, person)

    def guide(self, change: Mapping[str, Any]) -> Json:
        """Say where the guided minute is; `step: 0` begins it anew, `dismiss` puts it away."""
        if change.get("dismiss"):
            self.dismissed = True
        if change.get("step") == 0:
            self.dismissed, self.begun_at = False, datetime.now(UTC)
        step = self._step()
        return {"step": step, "steps": list(_STEPS), "done": step == len(_STEPS) - 1, "dismissed": self.dismissed}

    def _step(self) -> int:
        try:
            requests = [r for r in self.store.requests() if r.created_at >= self.begun_at]
            grants = [g for r in requests if r.grant_id and (g := self.store.grant(r.grant_id)) is not None]
        except AccessbotError:
            return 0  # the store is away for a moment; the page asks again
        if any(grant.ended for grant in grants):
            return 4
        if any(grant.state in (GrantState.ACTIVE, GrantState.REVOKING) for grant in grants):
            return 3
        if grants:
            return 2
        return 1 if any(request.state is RequestState.PENDING for request in requests) else 0

    def _ends(self) -> dict[tuple[str, str], Grant]:
        try:
            grants = list(self.store.grants(_OPEN))
        except AccessbotError:
            return {}
        latest: dict[tuple[str, str], Grant] = {}
        for grant in sorted(grants, key=lambda g: g.expires_at):
            latest[grant.google_group, grant.email] = grant
        return latest


def _of_google(directory: Directory, opening: Opening) -> list[Membership]:
    """List the members of a Google group, none while it is deleted: the panel goes on showing the others."""
    try:
        return directory.members(opening.group)
    except DirectoryError:
        return []


def _of_aws(store: IdentityStore, opening: Opening) -> list[StoreMembership]:
    """List the members of an Identity Center group, none while it is deleted."""
    try:
        return store.memberships_of_group(store.find_group(opening.aws_group).id)
    except AwsError:
        return []


def _member(key: str, name: str, since: datetime, grant: Grant | None) -> Json:
    ends_at = iso(grant.expires_at) if grant is not None else None
    return {key: name, "since": iso(since), "ends_at": ends_at, "standing": grant is None}
