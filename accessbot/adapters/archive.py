"""The audit log as a file: newline-delimited JSON that is read by anything, and from which a lost store is made again.

The first line says what the file is. Then comes a line for each event, in order of `seq`; then one for each record that
events do not tell of (`mapping`, `roster`), as it is stored; the last line holds the number of events, the last `seq`,
and the SHA-256 of all bytes before it. So a file that was cut off or changed is noticed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from accessbot.adapters import redis_codec as codec
from accessbot.domain.errors import AccessbotError
from accessbot.domain.groups import GroupMapping, Roster
from accessbot.domain.model import AuditEvent

FORMAT: Final = "accessbot-audit"
VERSION: Final = 1

_KINDS: Final[dict[str, codec.Kind[Any]]] = {"mapping": codec.MAPPINGS, "roster": codec.ROSTERS}
_LINE: Final = 1 << 24
"""Most bytes a line may have; no record comes near it."""


class ArchiveInvalid(AccessbotError):
    """A file that nothing can be restored from; the sentence begins with the file and the line."""


@dataclass(frozen=True, slots=True)
class Trailer:
    """What the last line of a file says."""

    count: int
    last_seq: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Placed:
    """An event or a record, and where in which file it stands, as `file:line`."""

    place: str
    value: AuditEvent | GroupMapping | Roster


# --- writing ----------------------------------------------------------------------------------------------------------


def write(
    out: BinaryIO, events: Iterable[AuditEvent], records: Iterable[GroupMapping | Roster], since_seq: int, now: datetime
) -> Trailer:
    """Write events whose `seq` follows `since_seq` without a gap, then records; give what the last line says."""
    digest = hashlib.sha256()

    def line(fields: dict[str, Any]) -> None:
        text = json.dumps(fields, separators=(",", ":")).encode() + b"\n"
        digest.update(text)
        out.write(text)

    line({"format": FORMAT, "version": VERSION, "since_seq": since_seq, "exported_at": _written(now)})
    count, last = 0, since_seq
    for event in events:
        if event.seq != last + 1:
            raise ArchiveInvalid(f"Event {last + 1} is missing from the audit log, so nothing was exported.")
        line(_row(event))
        count, last = count + 1, event.seq
    for record in records:
        kind = codec.kind_of(record)
        line({"record": kind.word, "key": codec.name_of(record), "value": kind.shape.write(record)})
    trailer = Trailer(count, last, digest.hexdigest())
    line({"count": trailer.count, "last_seq": trailer.last_seq, "sha256": trailer.sha256})
    return trailer


def _row(event: AuditEvent) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "time": _written(event.time),
        "actor": event.actor,
        "action": event.action,
        "subject": event.subject,
        "person": event.person,
        "entitlement": event.entitlement,
        "reason": event.reason,
        "before": event.before,
        "after": event.after,
        "data": dict(event.data),
    }


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


# --- reading ----------------------------------------------------------------------------------------------------------


def read(files: Sequence[Path]) -> Iterator[Placed]:
    """Read a whole export and the increments that follow it, in the order given: events and records, as they stand.

    Each file is checked as it is read, its last line at its end. Raises `ArchiveInvalid` at the first mistake.
    """
    seq = 0
    for file in files:
        try:
            with file.open("rb") as opened:
                for placed in _read_file(opened, file, seq):
                    yield placed
                    if isinstance(placed.value, AuditEvent):
                        seq = placed.value.seq
        except OSError as error:
            raise ArchiveInvalid(f"{file} cannot be read: {error.strerror}.") from error


def fingerprint(files: Sequence[Path]) -> str:
    """Give a digest that is the same for the same files in the same order. Raises `ArchiveInvalid`."""
    digest = hashlib.sha256()
    for file in files:
        try:
            with file.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
        except OSError as error:
            raise ArchiveInvalid(f"{file} cannot be read: {error.strerror}.") from error
    return digest.hexdigest()


def _read_file(opened: BinaryIO, file: Path, after: int) -> Iterator[Placed]:
    digest, count, seq, number = hashlib.sha256(), 0, after, 0
    ended = False
    while text := opened.readline(_LINE):
        number += 1
        place = f"{file}:{number}"
        fields = _fields(text, place)
        if ended:
            raise ArchiveInvalid(f"{place}: it stands after the last line of the export.")
        if number == 1:
            _check_header(fields, after, place)
        elif "sha256" in fields:
            _check_trailer(fields, Trailer(count, seq, digest.hexdigest()), place)
            ended = True
        elif "record" in fields:
            yield Placed(place, _record(fields, place))
        else:
            event = _event(fields, place)
            count, seq = count + 1, event.seq
            yield Placed(place, event)
        digest.update(text)
    if not ended:
        raise ArchiveInvalid(f"{file}:{number}: the file is cut off after this line; export it again, or take another.")


def _fields(text: bytes, place: str) -> dict[str, Any]:
    fields: Any = None
    if text.endswith(b"\n"):
        with suppress(ValueError):
            fields = json.loads(text)
    if not isinstance(fields, dict):
        raise ArchiveInvalid(f"{place}: it is no whole line of JSON; the file is cut off or was changed.")
    return fields


def _check_header(fields: dict[str, Any], after: int, place: str) -> None:
    if fields.get("format") != FORMAT:
        raise ArchiveInvalid(f"{place}: it is no export of accessbot; make one with `accessbot audit export`.")
    if fields.get("version") != VERSION:
        raise ArchiveInvalid(
            f"{place}: its format is version {fields.get('version')}; restore with the newest accessbot."
        )
    if fields.get("since_seq") != after:
        raise ArchiveInvalid(
            f"{place}: it begins after event {fields.get('since_seq')}, not after {after}; name the whole export first,"
            " then each increment in order."
        )


def _check_trailer(fields: dict[str, Any], found: Trailer, place: str) -> None:
    said = Trailer(fields.get("count", 0), fields.get("last_seq", 0), fields["sha256"])
    if said != found:
        raise ArchiveInvalid(
            f"{place}: it counts {said.count} events up to {said.last_seq}, but there are {found.count} up to"
            f" {found.last_seq}, or one was changed."
        )


def _record(fields: dict[str, Any], place: str) -> GroupMapping | Roster:
    try:
        kind = _KINDS[fields["record"]]
        value: GroupMapping | Roster = kind.shape.read(fields["value"], **{kind.name: str(fields["key"]), "rev": 0})
    except (KeyError, TypeError, ValueError) as error:
        raise ArchiveInvalid(f"{place}: the record cannot be read ({error}).") from error
    return value


def _event(fields: dict[str, Any], place: str) -> AuditEvent:
    stored = {name: value for name, value in fields.items() if name != "seq"}
    try:
        stored["time"] = codec.to_ms(datetime.fromisoformat(fields["time"]))
        return codec.EVENT.read(stored, seq=int(fields["seq"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ArchiveInvalid(f"{place}: the event cannot be read ({error}).") from error
