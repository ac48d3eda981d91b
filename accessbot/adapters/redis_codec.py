"""How records and events are written: one table per kind, from field to JSON and back.

The rules of the format, by which an older and a newer accessbot can work on one store:
- A field at its default is left out; one that is missing is read as its default. So a default never changes.
- A field that is not in the table is ignored. A field's name and unit never change: a new meaning is a new field.
- Times are integer milliseconds since 1970 UTC, durations integer milliseconds.
- `v` is the version of the writer's table; it is only for people who look.
- A record is `<rev> <json>`, an event `<json>`, the JSON packed where that makes it shorter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar, cast

from accessbot.adapters.redis_packing import pack, unpack
from accessbot.domain.errors import StoreUnavailable
from accessbot.domain.groups import GroupMapping, Removal, Roster
from accessbot.domain.model import (
    AuditEvent,
    Board,
    Click,
    ClickAction,
    EndCause,
    Fact,
    Grant,
    GrantState,
    MessageRef,
    Pair,
    PermissionSet,
    Record,
    Remark,
    RemarkKind,
    Request,
    RequestKind,
    RequestState,
    Vote,
)
from accessbot.domain.oncall import Shift
from accessbot.domain.records import Delegation, Freeze, Review, ReviewState, ShiftBook

_T = TypeVar("_T")
_E = TypeVar("_E", bound=StrEnum)

VERSION: Final = 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


class Unreadable(StoreUnavailable):
    """A stored record is damaged, or a newer accessbot wrote something into it that this one does not know."""


def to_ms(at: datetime) -> int:
    """Give a time as Unix milliseconds, cut, not rounded. Raises `ValueError` for a time without a zone."""
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    return (at - _EPOCH) // _MS


def from_ms(ms: int) -> datetime:
    """Read Unix milliseconds as an aware UTC time, exactly."""
    return _EPOCH + timedelta(milliseconds=ms)


@dataclass(frozen=True, slots=True)
class _Form:
    """One field's way to JSON and back; both raise on a value that is none of theirs."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def _exactly(kind: type[_T]) -> Callable[[Any], _T]:
    def check(value: Any) -> _T:  # noqa: ANN401 - what JSON holds
        if type(value) is not kind:
            raise TypeError(f"{value!r} is no {kind.__name__}")
        return value

    return check


def _one_of(kind: type[_E]) -> _Form:
    return _Form(str, kind)


def _maybe(form: _Form) -> _Form:
    return _Form(
        lambda value: None if value is None else form.write(value),
        lambda value: None if value is None else form.read(value),
    )


def _many(form: _Form) -> _Form:
    return _Form(
        lambda values: [form.write(value) for value in values],
        lambda values: tuple(form.read(value) for value in _exactly(list)(values)),
    )


_TEXT: Final = _Form(_exactly(str), _exactly(str))
_NUMBER: Final = _Form(_exactly(int), _exactly(int))
_FLAG: Final = _Form(_exactly(bool), _exactly(bool))
_TIME: Final = _Form(to_ms, lambda value: from_ms(_exactly(int)(value)))
_SPAN: Final = _Form(lambda span: span // _MS, lambda value: timedelta(milliseconds=_exactly(int)(value)))
_FLAGS: Final = _Form(
    dict,
    lambda value: MappingProxyType({_exactly(str)(k): _exactly(bool)(v) for k, v in _exactly(dict)(value).items()}),
)
_TIMES: Final = _Form(
    lambda times: {key: to_ms(at) for key, at in times.items()},
    lambda value: MappingProxyType(
        {_exactly(str)(k): from_ms(_exactly(int)(v)) for k, v in _exactly(dict)(value).items()}
    ),
)


def _fact(value: Any) -> Fact:  # noqa: ANN401 - what JSON holds
    if isinstance(value, str | int):  # which a bool is too
        return value
    raise TypeError(f"{value!r} is no fact")


_FACTS: Final = _Form(
    dict,
    lambda value: MappingProxyType({_exactly(str)(k): _fact(v) for k, v in _exactly(dict)(value).items()}),
)


class Shape(Generic[_T]):
    """The table of one dataclass; made once, and checked then against the dataclass's own fields."""

    def __init__(self, kind: type[_T], /, *, given: tuple[str, ...] = (), **forms: _Form) -> None:
        """Take a form for every field but those `given` by where the record is stored (its id, its rev).

        Raises `TypeError` when a field has no form or a form has no field.
        """
        own = {field.name: field for field in fields(cast("Any", kind))}
        if set(own) != {*given, *forms}:
            raise TypeError(f"{kind.__name__} and its stored form differ in {sorted(set(own) ^ {*given, *forms})}")
        self._kind = kind
        self._forms = forms
        self._defaults: dict[str, Any] = {}
        for name in forms:
            default, make = own[name].default, own[name].default_factory
            if default is not MISSING:
                self._defaults[name] = default
            elif make is not MISSING:
                self._defaults[name] = make()

    def write(self, value: _T) -> dict[str, Any]:
        """Give what is stored of a value: all that is not at its default."""
        stored: dict[str, Any] = {}
        for name, form in self._forms.items():
            part = getattr(value, name)
            if name not in self._defaults or part != self._defaults[name]:
                stored[name] = form.write(part)
        return stored

    def read(self, stored: Mapping[str, Any], **given: object) -> _T:
        """Make the value again. Raises `TypeError` or `ValueError` for a missing or a wrong field."""
        known = {name: form.read(stored[name]) for name, form in self._forms.items() if name in stored}
        return self._kind(**known, **given)

    @property
    def form(self) -> _Form:
        """Give this shape as the form of a field in another one."""
        return _Form(self.write, self.read)


_VOTE: Final = Shape(
    Vote,
    approver=_TEXT,
    email=_TEXT,
    at=_TIME,
    google_id=_TEXT,
    step=_NUMBER,
    comment=_TEXT,
    duration=_maybe(_SPAN),
    for_email=_TEXT,
    for_google_id=_TEXT,
).form
_REMARK: Final = Shape(Remark, kind=_one_of(RemarkKind), who=_TEXT, at=_TIME, text=_TEXT).form
_SHIFT: Final = Shape(Shift, who=_TEXT, begins=_TIME, ends=_maybe(_TIME)).form
_REF: Final = Shape(MessageRef, channel=_TEXT, ts=_TEXT).form
_REMOVAL: Final = Shape(Removal, at=_TIME, member=_TEXT, who=_TEXT, done=_FLAG).form
_PERMISSION_SET: Final = Shape(PermissionSet, arn=_TEXT, name=_TEXT, session=_SPAN).form

REQUEST: Final = Shape(
    Request,
    given=("id", "rev"),
    kind=_one_of(RequestKind),
    requester=_TEXT,
    entitlement=_TEXT,
    duration=_SPAN,
    reason=_TEXT,
    state=_one_of(RequestState),
    created_at=_TIME,
    expires_at=_TIME,
    catalog_hash=_TEXT,
    opens=_TEXT,
    email=_TEXT,
    google_id=_TEXT,
    announced=_FLAG,
    votes=_many(_VOTE),
    decided_by=_TEXT,
    decided_at=_maybe(_TIME),
    decision_reason=_TEXT,
    grant_id=_TEXT,
    waiting_for=_TEXT,
    answer_to=_TEXT,
    asked_by=_TEXT,
    unconfirmed=_FLAG,
    bundle=_TEXT,
    not_before=_maybe(_TIME),
    emergency=_FLAG,
    schedule=_TEXT,
    rule=_TEXT,
    policy=_TEXT,
    ticket=_TEXT,
    step=_NUMBER,
    step_at=_maybe(_TIME),
    escalated=_FLAG,
    eligible=_many(_TEXT),
    unlisted=_many(_TEXT),
    remarks=_many(_REMARK),
)
GRANT: Final = Shape(
    Grant,
    given=("id", "rev"),
    request_id=_TEXT,
    extension_ids=_many(_TEXT),
    requester=_TEXT,
    email=_TEXT,
    entitlement=_TEXT,
    account_id=_TEXT,
    account_name=_TEXT,
    permission_set=_TEXT,
    google_group=_TEXT,
    google_user_id=_TEXT,
    aws_group_id=_TEXT,
    aws_user_id=_TEXT,
    state=_one_of(GrantState),
    duration=_SPAN,
    approved_at=_TIME,
    starts_at=_TIME,
    expires_at=_TIME,
    activated_at=_maybe(_TIME),
    session=_maybe(_SPAN),
    end_cause=_maybe(_one_of(EndCause)),
    end_actor=_TEXT,
    end_reason=_TEXT,
    ending_at=_maybe(_TIME),
    ended_at=_maybe(_TIME),
    failure=_TEXT,
    waiting_for=_TEXT,
    kept=_TEXT,
    vouched_by=_TEXT,
    not_before=_maybe(_TIME),
    schedule=_TEXT,
    emergency=_FLAG,
)
PAIR: Final = Shape(Pair, given=("key", "rev"), standing=_FLAGS, last_ended_at=_maybe(_TIME))
MAPPING: Final = Shape(
    GroupMapping,
    given=("key", "rev"),
    aws_group_id=_TEXT,
    permission_set=_PERMISSION_SET,
    account_id=_TEXT,
    named=_TEXT,
    checked_at=_TIME,
    fault=_TEXT,
    google_fault=_TEXT,
    used=_FLAG,
)
ROSTER: Final = Shape(
    Roster,
    given=("key", "rev"),
    aws_group_id=_TEXT,
    google=_many(_TEXT),
    aws=_many(_TEXT),
    absent=_TIMES,
    strangers=_many(_TEXT),
    size=_NUMBER,
    removals=_many(_REMOVAL),
    braked_at=_maybe(_TIME),
    released_at=_maybe(_TIME),
    asked_at=_maybe(_TIME),
    looked_at=_maybe(_TIME),
)
CLICK: Final = Shape(
    Click,
    given=("id", "rev"),
    action=_one_of(ClickAction),
    subject=_TEXT,
    actor=_TEXT,
    at=_TIME,
    reason=_TEXT,
    answer_to=_TEXT,
    done=_FLAG,
    tone=_TEXT,
    sentence=_TEXT,
    duration=_maybe(_SPAN),
)
REVIEW: Final = Shape(
    Review,
    given=("id", "rev"),
    grant_id=_TEXT,
    request_id=_TEXT,
    requester=_TEXT,
    email=_TEXT,
    entitlement=_TEXT,
    policy=_TEXT,
    incident=_TEXT,
    state=_one_of(ReviewState),
    opened_at=_TIME,
    reminded=_NUMBER,
    closed_by=_TEXT,
    closed_at=_maybe(_TIME),
    reason=_TEXT,
)
DELEGATION: Final = Shape(Delegation, given=("key", "rev"), delegate=_TEXT, begins=_TIME, ends=_TIME)
SHIFT_BOOK: Final = Shape(
    ShiftBook,
    given=("key", "rev"),
    shifts=_many(_SHIFT),
    read_at=_maybe(_TIME),
    failing_since=_maybe(_TIME),
    fault=_TEXT,
)
FREEZE: Final = Shape(Freeze, given=("key", "rev"), by=_TEXT, at=_TIME, reason=_TEXT, lifted=_FLAG)
BOARD: Final = Shape(Board, given=("key", "rev"), refs=_many(_REF), digest=_TEXT)
EVENT: Final = Shape(
    AuditEvent,
    given=("seq",),
    time=_TIME,
    actor=_TEXT,
    action=_TEXT,
    subject=_TEXT,
    person=_TEXT,
    entitlement=_TEXT,
    reason=_TEXT,
    before=_maybe(_TEXT),
    after=_maybe(_TEXT),
    data=_FACTS,
)


@dataclass(frozen=True, slots=True)
class Kind(Generic[_T]):
    """One kind of record: the word in its key, the field that names it, its shape."""

    word: str
    name: str
    shape: Shape[_T]

    def read(self, name: str, raw: str | None) -> _T | None:
        """Read `<rev> <json>` as the record of that name; None stays None. Raises `Unreadable`."""
        if raw is None:
            return None
        try:
            rev, _, body = raw.partition(" ")
            return self.shape.read(_exactly(dict)(json.loads(unpack(body))), **{self.name: name, "rev": int(rev)})
        except (ValueError, TypeError) as error:
            raise Unreadable(
                f"The stored {self.word} {name} cannot be read, so nothing was done with it; "
                "run the newest accessbot everywhere, then ask an operator to look at it."
            ) from error


REQUESTS: Final = Kind("request", "id", REQUEST)
GRANTS: Final = Kind("grant", "id", GRANT)
PAIRS: Final = Kind("pair", "key", PAIR)
MAPPINGS: Final = Kind("mapping", "key", MAPPING)
ROSTERS: Final = Kind("roster", "key", ROSTER)
CLICKS: Final = Kind("click", "id", CLICK)
BOARDS: Final = Kind("board", "key", BOARD)
REVIEWS: Final = Kind("review", "id", REVIEW)
DELEGATIONS: Final = Kind("delegation", "key", DELEGATION)
SHIFT_BOOKS: Final = Kind("shifts", "key", SHIFT_BOOK)
FREEZES: Final = Kind("freeze", "key", FREEZE)

_KINDS: Final[dict[type[Record], Kind[Any]]] = {
    Request: REQUESTS,
    Grant: GRANTS,
    Pair: PAIRS,
    GroupMapping: MAPPINGS,
    Roster: ROSTERS,
    Click: CLICKS,
    Board: BOARDS,
    Review: REVIEWS,
    Delegation: DELEGATIONS,
    ShiftBook: SHIFT_BOOKS,
    Freeze: FREEZES,
}


def kind_of(record: Record) -> Kind[Any]:
    """Give the kind of a record."""
    return _KINDS[type(record)]


def name_of(record: Record) -> str:
    """Give the id or key of a record."""
    return str(getattr(record, kind_of(record).name))


def write_record(record: Record) -> bytes:
    """Write a record as it is stored next: its `rev` plus one, a space, compact JSON, packed where that is shorter."""
    return f"{record.rev + 1} ".encode() + pack(_compact(kind_of(record).shape.write(record)))


def write_event(event: AuditEvent) -> bytes:
    """Write an event as it is stored, compact and packed; its `seq` is in the id that the store gives it."""
    return pack(_compact(EVENT.write(event)))


def read_event(entry: str, raw: str) -> AuditEvent:
    """Read an entry of the audit stream, `<ms>-<seq>` and what `write_event` gave. Raises `Unreadable`."""
    try:
        return EVENT.read(_exactly(dict)(json.loads(unpack(raw))), seq=int(entry.partition("-")[2]))
    except (ValueError, TypeError) as error:
        raise Unreadable(f"The audit event {entry} cannot be read; run the newest accessbot everywhere.") from error


def _compact(stored: dict[str, Any]) -> str:
    return json.dumps({"v": VERSION, **stored}, ensure_ascii=False, separators=(",", ":"))
