"""The nouns: catalog, access request, grant, pair, audit event. Plain frozen data; no behaviour beyond reading itself.

All times are aware UTC datetimes, all durations `timedelta`s. `rev` counts the stored versions of a record: 0 means
"not stored yet"; the store accepts a record only if the stored `rev` is still the one it carries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from accessbot.domain.groups import GroupMapping, Roster
    from accessbot.domain.oncall import RotationGrant, Schedule
    from accessbot.domain.records import Delegation, Freeze, Review, ShiftBook
    from accessbot.domain.rules import Policy, Rule


class SelectorKind(StrEnum):
    """How a catalog line names people."""

    EVERYONE = "everyone"
    GROUP = "group"
    USER = "user"
    SLACK_USERGROUP = "slack-usergroup"
    MANAGER = "manager"
    ON_CALL = "on-call"


@dataclass(frozen=True, slots=True)
class Selector:
    """Some people: everyone, a Google group (email; nested members count), one user (email), a Slack group (id).

    Or the requester's manager in Google's directory (no value), or who is on call on a schedule (its name).
    """

    kind: SelectorKind
    value: str = ""

    def __str__(self) -> str:
        """Give the catalog's own notation, e.g. `group:sre-leads@example.com`."""
        return f"{self.kind}:{self.value}" if self.value else str(self.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An AWS account of the catalog; `id` has 12 digits, `unit` is its organizational unit like `prod/payments`."""

    key: str
    id: str
    name: str
    unit: str = ""
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    """A permission set in an account that people can ask for, carried by one Google group.

    `identity_center_group` is a GroupId or a display name; None means: the display name equal to the Google group's
    email, else to its local part.
    """

    id: str
    account: Account
    permission_set: str
    group: str
    identity_center_group: str | None
    policy: Policy
    description: str
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def opens(self) -> str:
        """Name what approvers say yes to, whatever it is called: the account, the permission set, the Google group."""
        return f"{self.account.id}/{self.permission_set}/{self.group}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """All that can be asked for, as one immutable value; `hash` is the same wherever the same text was read."""

    hash: str
    admins: tuple[Selector, ...]
    reconcile: str
    accounts: Mapping[str, Account]
    entitlements: Mapping[str, Entitlement]
    policies: Mapping[str, Policy]
    rules: tuple[Rule, ...] = ()
    schedules: Mapping[str, Schedule] = field(default_factory=lambda: MappingProxyType({}))
    rotation_grants: tuple[RotationGrant, ...] = ()

    def of_group(self, group: str) -> tuple[Entitlement, ...]:
        """Give every entitlement that the Google group (email, any case) carries."""
        return tuple(e for e in self.entitlements.values() if e.group == group.casefold())


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackPerson:
    """A person as Slack vouches for them; made only for members of our own team with a confirmed email."""

    id: str
    email: str
    name: str
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryUser:
    """A Google user; `id` is immutable, `email` the primary address in lower case."""

    id: str
    email: str
    suspended: bool
    archived: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One person, resolved live from the Slack user id: Slack's word plus an existing, unsuspended Google user."""

    slack: str
    name: str
    email: str
    google_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMember:
    """One line of a Google group's member list; `type` is Google's `USER`, `GROUP` or `CUSTOMER`."""

    id: str
    email: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionSet:
    """A permission set of the Identity Center instance and how long a role session opened with it may last."""

    arn: str
    name: str
    session: timedelta


class RequestState(StrEnum):
    """An access request is pending, then exactly one of the others for ever."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class RequestKind(StrEnum):
    """What approval leads to: a new grant, or a later end of a live one."""

    ACCESS = "access"
    EXTEND = "extend"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One approver's yes: who (Slack user id, email and Google user id), and when they clicked.

    `step` is the number of the step it counts in, from 0. `duration` is set when it is for less than was asked for.
    `for_email` and `for_google_id` name the person in whose stead a delegate decided.
    """

    approver: str
    email: str
    at: datetime
    google_id: str = ""
    step: int = 0
    comment: str = ""
    duration: timedelta | None = None
    for_email: str = ""
    for_google_id: str = ""


class RemarkKind(StrEnum):
    """What was said about a request beside the decision."""

    QUESTION = "question"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something said about a request: by whom (Slack user id), when, in words."""

    kind: RemarkKind
    who: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An access request; the whole of its life in one record.

    `opens` is `Entitlement.opens` as it was asked for. `duration` is what is asked for (for an extension: the time
    added). `email` and `google_id` are empty until the requester was looked up live; `announced` is true once approvers
    may see it. `decided_by` is a Slack user id, or `accessbot` where the rules decided. `waiting_for` names the vendor
    that a decision or the look-up waits for, "" if none.

    `asked_by` asked on behalf of the requester, who has to confirm while `unconfirmed`. Requests asked for together
    share a `bundle`. With `not_before` the access begins then. An `emergency` is approved by its rule. `schedule` names
    the on-call schedule whose shift it is for. `rule` and `policy` are those that say how it is decided, `ticket` is
    what the reason named. `step` counts from 0 and began at `step_at`; `eligible` holds who could decide it then
    (emails in lower case, Slack user ids) and `unlisted` the selectors whose people could not be listed, which are
    judged live alone. `escalated` tells that the step's escalation may decide as well.
    """

    id: str
    rev: int = 0
    kind: RequestKind = RequestKind.ACCESS
    requester: str
    entitlement: str
    duration: timedelta
    reason: str
    state: RequestState = RequestState.PENDING
    created_at: datetime
    expires_at: datetime
    catalog_hash: str
    opens: str = ""
    email: str = ""
    google_id: str = ""
    announced: bool = False
    votes: tuple[Vote, ...] = ()
    decided_by: str = ""
    decided_at: datetime | None = None
    decision_reason: str = ""
    grant_id: str = ""
    waiting_for: str = ""
    answer_to: str = ""
    asked_by: str = ""
    unconfirmed: bool = False
    bundle: str = ""
    not_before: datetime | None = None
    emergency: bool = False
    schedule: str = ""
    rule: str = ""
    policy: str = ""
    ticket: str = ""
    step: int = 0
    step_at: datetime | None = None
    escalated: bool = False
    eligible: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()


class GrantState(StrEnum):
    """The life of time-bound access; a revoke never ends as failed, it goes on."""

    PROVISIONING = "provisioning"
    ACTIVE = "active"
    REVOKING = "revoking"
    REVOKED = "revoked"
    PROVISION_FAILED = "provision_failed"


class EndCause(StrEnum):
    """Why a grant ends."""

    EXPIRED = "expired"
    ENDED_EARLY = "ended_early"
    REVOKED = "revoked"
    SHIFT_OVER = "shift_over"
    OFFBOARDED = "offboarded"
    PANIC = "panic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Time-bound access of one person to one entitlement, with the ids it was made with.

    The ids (`google_user_id`, `aws_group_id`, `aws_user_id`) are "" until they were read, which is before the first
    write to any vendor; it is revoked by these ids, whatever the catalog says later. `failure` is set once provisioning
    was given up: the grant is then no longer wanted and ends as provision_failed when nothing of it is left.
    `extension_ids` are the approved requests that moved its end. `kept` says in one word why a membership stays after
    the end: "" , `standing` or `overlap`. `vouched_by` is the operator who says that its Google group was deleted.
    With `not_before` nothing is written to a vendor until then. `schedule` names the on-call schedule whose shift it is
    for: its end is the shift's. An `emergency` is reviewed after its end.
    """

    id: str
    rev: int = 0
    request_id: str
    extension_ids: tuple[str, ...] = ()
    requester: str
    email: str
    entitlement: str
    account_id: str
    account_name: str
    permission_set: str
    google_group: str
    google_user_id: str = ""
    aws_group_id: str = ""
    aws_user_id: str = ""
    state: GrantState = GrantState.PROVISIONING
    duration: timedelta
    approved_at: datetime
    starts_at: datetime
    expires_at: datetime
    activated_at: datetime | None = None
    session: timedelta | None = None
    end_cause: EndCause | None = None
    end_actor: str = ""
    end_reason: str = ""
    ending_at: datetime | None = None
    ended_at: datetime | None = None
    failure: str = ""
    waiting_for: str = ""
    kept: str = ""
    vouched_by: str = ""
    not_before: datetime | None = None
    schedule: str = ""
    emergency: bool = False

    @property
    def pair(self) -> str:
        """Name the (Google group, Google user) pair whose effects run under one lease; "" before ids are known."""
        return pair_key(self.google_group, self.google_user_id) if self.google_user_id else ""

    @property
    def ended(self) -> bool:
        """Tell whether the grant reached a state that nothing follows."""
        return self.state in (GrantState.REVOKED, GrantState.PROVISION_FAILED)


def pair_key(google_group: str, google_user_id: str) -> str:
    """Name the pair of a Google group (email) and a Google user (immutable id)."""
    return f"{google_group.casefold()}/{google_user_id}"


GOOGLE_SIDE = "google"


def aws_side(aws_group_id: str, aws_user_id: str) -> str:
    """Name the Identity Center side of a pair in `Pair.standing`."""
    return f"aws/{aws_group_id}/{aws_user_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What is known of one person in one group: which side's membership was there before us.

    `standing` maps a side (`google`, or `aws/<group>/<user>`) to True (there before us: never ours to remove) or False
    (ours). A side that is absent was not decided yet. `last_ended_at` is when the last grant of ours on it ended.
    """

    key: str
    rev: int = 0
    standing: Mapping[str, bool] = field(default_factory=lambda: MappingProxyType({}))
    last_ended_at: datetime | None = None


class ClickAction(StrEnum):
    """What a person pressed that needs a live look at their authority."""

    APPROVE = "approve"
    DENY = "deny"
    REVOKE = "revoke"
    ASK = "ask"
    JUSTIFY = "justify"
    NOT_JUSTIFY = "not_justify"


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """A press of a button, kept before it is acknowledged so that no decision is lost.

    `subject` is a request id (approve, deny, ask), a grant id (revoke) or a review id (justify, not justify). `reason`
    is what was written beside it; `duration` is set to approve for less. `answer_to` is where the answer to that person
    alone goes (opaque to everything but the notifier). `tone` and `sentence` are that answer; before it is `done`, that
    it waits.
    """

    id: str
    rev: int = 0
    action: ClickAction
    subject: str
    actor: str
    at: datetime
    reason: str = ""
    answer_to: str = ""
    done: bool = False
    tone: str = ""
    sentence: str = ""
    duration: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRef:
    """One message that was sent: channel id and Slack's timestamp."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The copies sent of one thing that is shown (a request's card, an alert), so that all change together."""

    key: str
    rev: int = 0
    refs: tuple[MessageRef, ...] = ()
    digest: str = ""


Record: TypeAlias = (
    "Request | Grant | Pair | GroupMapping | Roster | Click | Board | Review | Delegation | ShiftBook | Freeze"
)


Fact = str | int | bool
"""A value in `AuditEvent.data`; keys that end in `_ms` hold Unix milliseconds or a number of milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One step of a request or a grant; `seq` is given by the store (0 before).

    `actor` is a Slack user id, `cli:<user>`, or `accessbot`. `subject` is the id of what changed. `person` (Slack user
    id of the requester) and `entitlement` are what the log can be filtered by. `before` and `after` are states, or
    None where there was or is none. `data` is what else the records can be made again from, see `replaying`.
    """

    seq: int = 0
    time: datetime
    actor: str
    action: str
    subject: str
    person: str = ""
    entitlement: str = ""
    reason: str = ""
    before: str | None = None
    after: str | None = None
    data: Mapping[str, Fact] = field(default_factory=lambda: MappingProxyType({}))
