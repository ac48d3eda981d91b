"""What Google and AWS do wrong, at a grant and at its end, through real processes: waited for, told, and overcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from accessbot.sandbox.faults import Fault, Faults
    from tests.life.conftest import Life

Lay = Callable[["Faults", str], "Fault"]

WRITES = {
    "Google": ("google.members.insert", "google.members.delete"),
    "AWS": ("aws.identitystore.CreateGroupMembership", "aws.identitystore.DeleteGroupMembership"),
}
ONE_LIFE = [
    "grant.provisioning", "grant.intent", "grant.active", "grant.revoking", "grant.revoked",
]  # fmt: skip


def answered(status: int, code: str, message: str = "", *, times: int = 2, applied: bool = False) -> Lay:
    """Make a fault that answers with an error a few times; `applied`: though the write took effect."""
    return lambda faults, method: faults.refuse(method, status, code, message, times=times, applied=applied)


def dropped(*, applied: bool) -> Lay:
    """Make a fault that closes the connection once, before or after the write took effect."""
    return lambda faults, method: faults.drop(method, times=1, applied=applied)


def garbled(*, applied: bool) -> Lay:
    """Make a fault that answers half a sentence once, instead of or after the write."""
    return lambda faults, method: faults.garble(method, times=1, applied=applied)


def silent(faults: Faults, method: str) -> Fault:
    """Make one call hang until the caller gives up, after the write took effect."""
    return faults.hang(method, times=1, applied=True)


QUOTA = "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user'."
GOOGLE = {
    "403 quotaExceeded": answered(403, "quotaExceeded", QUOTA, times=1),
    "429": answered(429, "rateLimitExceeded", times=1),
    "409 conflict, written": answered(409, "conflict", times=1, applied=True),
    "409 duplicate of our own": answered(409, "duplicate", "Member already exists.", times=1, applied=True),
    "412 of our own": answered(412, "conditionNotMet", "Member already exists.", times=1, applied=True),
    "500": answered(500, "backendError"),
    "503, written": answered(503, "backendError", applied=True),
    "hangs up": dropped(applied=False),
    "hangs up, written": dropped(applied=True),
    "half an answer": garbled(applied=False),
    "half an answer, written": garbled(applied=True),
    "silent": silent,
}
AWS = {
    "Throttling": answered(400, "ThrottlingException", times=1),
    "Conflict": answered(400, "ConflictException"),
    "Conflict of our own": answered(400, "ConflictException", times=1, applied=True),
    "500": answered(500, "InternalServerException"),
    "hangs up": dropped(applied=False),
    "hangs up, written": dropped(applied=True),
    "half an answer": garbled(applied=False),
    "half an answer, written": garbled(applied=True),
    "written once": answered(500, "InternalServerException", times=1, applied=True),
    "written once, throttled": answered(400, "ThrottlingException", times=1, applied=True),
    "503": answered(503, "ServiceUnavailableException"),
    "silent": silent,
}
PAIRS = list(zip(GOOGLE, AWS, strict=True))


@pytest.fixture(autouse=True)
def mended(life: Life) -> Iterator[None]:
    """Leave no fault on for the next test."""
    yield
    life.box.world.faults.clear()


@pytest.mark.parametrize(("google", "aws"), PAIRS)
def test_what_passes_is_overcome_at_a_grant_and_at_its_end(life: Life, google: str, aws: str) -> None:
    """Whatever writes are answered with: the access comes once, goes once, both read back, and each step is logged."""
    maya, priya, faults = life.person("maya"), life.person("priya"), life.box.world.faults
    reason = f"Google: {google}; AWS: {aws}."
    card = life.ask(maya, f"data-analyst 30m {reason}")
    told = len(maya.dms())
    laid = [GOOGLE[google](faults, method) for method in WRITES["Google"]]
    laid += [AWS[aws](faults, method) for method in WRITES["AWS"]]
    priya.click(card, "Approve")
    card = priya.wait_for_message("approvals", reason, "Active until", timeout=30)
    assert life.is_in("data-analyst", "maya@example.com") == (True, True)
    priya.click(card, "Revoke")
    priya.wait_for_message("approvals", reason, "Ended", timeout=30)
    assert life.is_in("data-analyst", "maya@example.com") == (False, False)
    assert all(fault.hits >= 1 for fault in laid)
    (grant,) = life.grants_for(reason)
    assert [event.action for event in life.box.store.audit() if event.subject == grant.id] == ONE_LIFE
    life.wait("the last notice", lambda: "has ended" in maya.read(maya.dms()[-1]))
    said = [maya.read(message) for message in maya.dms()[told:]]
    assert (
        len([text for text in said if "is ready" in text]) == len([text for text in said if "has ended" in text]) == 1
    )


@pytest.mark.parametrize(
    ("vendor", "pattern", "code", "status"),
    [
        ("Google", "google.*", "backendError", 503),
        ("AWS", "aws.*", "ThrottlingException", 400),
        ("AWS", "aws.identitystore.*", "ServiceUnavailableException", 503),
    ],
)
def test_what_lasts_is_waited_for(life: Life, vendor: str, pattern: str, code: str, status: int) -> None:
    """As long as a vendor is away the card and the requester read for whom is waited; afterwards it goes on by itself.

    At the end the other side is left at once, and what is left is taken away when the vendor is back.
    """
    noah, priya, faults = life.person("noah"), life.person("priya"), life.box.world.faults
    reason, waiting = f"long away: {pattern} {code}", f"waiting for {vendor}, retrying"
    card = life.ask(noah, f"production-readonly 30m {reason}")
    told = len(noah.dms())
    fault = faults.refuse(pattern, status, code)
    priya.click(card, "Approve")
    priya.wait_for_message("approvals", reason, waiting, timeout=20)
    if vendor == "AWS":
        life.wait("the notice", lambda: any(waiting in noah.read(m) for m in noah.dms()[told:]))
    assert life.is_in("production-readonly", "noah@example.com")[1] is False
    fault.off()
    card = priya.wait_for_message("approvals", reason, "Active until", timeout=40)
    fault = faults.refuse(pattern, status, code)
    priya.click(card, "Revoke") if vendor == "AWS" else end_early(life)
    priya.wait_for_message("approvals", reason, "Ending", waiting, timeout=20)
    other = 0 if vendor == "AWS" else 1
    life.wait("the other side", lambda: not life.is_in("production-readonly", "noah@example.com")[other])
    assert life.is_in("production-readonly", "noah@example.com")[1 - other]
    fault.off()
    priya.wait_for_message("approvals", reason, "Ended", timeout=40)
    assert life.is_in("production-readonly", "noah@example.com") == (False, False)


def end_early(life: Life) -> None:
    """End Noah's access as Noah."""
    noah = life.person("noah")
    assert noah.click(noah.command("/my-access").answers[0], "End access").ok


@pytest.mark.parametrize(
    ("vendor", "status", "code", "said"),
    [("Google", 403, "forbidden", "Google does not let"), ("AWS", 400, "AccessDeniedException", "AWS")],
)
def test_a_missing_privilege_is_told_to_the_operators(
    life: Life, vendor: str, status: int, code: str, said: str
) -> None:
    """Not allowed to write: no grant, nothing left, the requester and the operators read why.

    Not allowed to remove: the revoke goes on, the operators are alerted, and with the privilege back it is done.
    """
    noah, priya, faults = life.person("noah"), life.person("priya"), life.box.world.faults
    write, removal = WRITES[vendor]
    card = life.ask(noah, f"staging-admin 30m not allowed to write: {code}")
    fault = faults.refuse(write, status, code, "Not authorised")
    priya.click(card, "Approve")
    priya.wait_for_message("approvals", f"not allowed to write: {code}", "Failed", said, timeout=20)
    noah.wait_for_message("dm", "could not be given", said, timeout=15)
    priya.wait_for_message("alerts", "could not be provisioned", "noah@example.com", said, timeout=15)
    assert life.grants_for(f"not allowed to write: {code}")[0].state == "provision_failed"
    assert life.is_in("staging-admin", "noah@example.com") == (False, False)
    fault.off()
    card = life.granted(noah, f"staging-admin 30m not allowed to remove: {code}")
    fault, told = faults.refuse(removal, status, code, "Not authorised"), len(noah.dms())
    priya.click(card, "Revoke")
    priya.wait_for_message("alerts", f"{vendor} does not let accessbot do its work", timeout=15)
    assert life.grants_for(f"not allowed to remove: {code}")[0].state == "revoking"
    assert not [message for message in noah.dms()[told:] if "ended" in noah.read(message)]
    fault.off()
    priya.wait_for_message("approvals", f"not allowed to remove: {code}", "Ended", timeout=40)
    assert life.is_in("staging-admin", "noah@example.com") == (False, False)


def test_no_defect_came_up(life: Life) -> None:
    """Nothing of all this was a surprise to any process, and nothing was sent that Slack would refuse."""
    assert life.box.workspace.warnings == []
    for name in ("web", "worker", "clock"):
        assert "Traceback" not in life.box.processes.tail(name, 100_000)
