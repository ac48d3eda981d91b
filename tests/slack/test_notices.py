"""Direct messages to the requester: whole JSON per kind, true about ends, links into the very role."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessbot.domain.model import EndCause, Grant, GrantState, RemarkKind, Request, RequestKind, RequestState
from accessbot.domain.notices import Notice, NoticeKind
from accessbot.slack import notices
from accessbot.slack.phrases import console_link
from tests.slack.harness import NOAH, PRIYA, START_URL, entitlement
from tests.slack.shapes import HOUR, MINUTE, NOON, approved, ended, grant, hold, remark, request, vote

DENIED = request(
    state=RequestState.DENIED, decided_by=PRIYA, decided_at=NOON, decision_reason="Use <read-only>, please"
)
CASES: dict[str, tuple[NoticeKind, Request, Grant | None]] = {
    "ready": (NoticeKind.READY, approved(), grant()),
    "denied": (NoticeKind.DENIED, DENIED, None),
    "refused": (
        NoticeKind.REFUSED,
        request(state=RequestState.DENIED, decided_by="accessbot", decision_reason="Its policy does not list you."),
        None,
    ),
    "expired": (
        NoticeKind.EXPIRED,
        request(state=RequestState.EXPIRED, decided_by="accessbot", decision_reason="Nobody decided in time."),
        None,
    ),
    "ended": (NoticeKind.ENDED, approved(), ended()),
    "ended-revoked": (NoticeKind.ENDED, approved(), ended(EndCause.REVOKED, PRIYA)),
    "ended-standing": (NoticeKind.ENDED, approved(), ended(kept="standing")),
    "failed": (
        NoticeKind.FAILED,
        approved(),
        grant(state=GrantState.PROVISION_FAILED, failure="The group is not assigned.", ended_at=NOON + 2 * MINUTE),
    ),
    "extended": (
        NoticeKind.EXTENDED,
        approved(kind=RequestKind.EXTEND, duration=HOUR),
        grant(duration=3 * HOUR, expires_at=NOON + 3 * HOUR),
    ),
    "waiting": (
        NoticeKind.WAITING,
        approved(),
        grant(state=GrantState.PROVISIONING, activated_at=None, waiting_for="Google"),
    ),
    "waiting-before-a-grant": (NoticeKind.WAITING, request(waiting_for="Slack"), None),
    "ready-by-rule": (
        NoticeKind.READY,
        approved(votes=(), decided_by="accessbot", decision_reason="by the rule “on call at once”"),
        grant(),
    ),
    "ready-for-less": (
        NoticeKind.READY,
        approved(votes=(vote(PRIYA, duration=HOUR / 2, comment="Half an hour is <plenty>"),)),
        grant(duration=HOUR / 2),
    ),
    "ready-on-call": (
        NoticeKind.READY,
        approved(votes=(), decided_by="accessbot", schedule="payments"),
        grant(schedule="payments"),
    ),
    "ended-with-the-shift": (NoticeKind.ENDED, approved(), ended(EndCause.SHIFT_OVER, schedule="payments")),
    "ended-offboarded": (NoticeKind.ENDED, approved(), ended(EndCause.OFFBOARDED)),
    "confirm": (
        NoticeKind.CONFIRM,
        request(asked_by=NOAH, unconfirmed=True, not_before=NOON + 5 * HOUR, reason="For the <!here> audit"),
        None,
    ),
    "question": (
        NoticeKind.QUESTION,
        request(remarks=(remark(RemarkKind.QUESTION, PRIYA, "Which queue, <@U03PRIYA>?"),)),
        None,
    ),
    "scheduled": (
        NoticeKind.SCHEDULED,
        approved(not_before=NOON + 5 * HOUR),
        grant(
            state=GrantState.PROVISIONING,
            activated_at=None,
            not_before=NOON + 5 * HOUR,
            starts_at=NOON + 5 * HOUR,
            expires_at=NOON + 7 * HOUR,
        ),
    ),
    "stepped-down": (NoticeKind.STEPPED_DOWN, request(), None),
    "ending-soon": (NoticeKind.ENDING_SOON, approved(), grant(expires_at=NOON + 13 * MINUTE)),
}


def notice(kind: NoticeKind, request: Request, grant: Grant | None, **changes: object) -> Notice:
    """Make a notice as of three minutes past noon."""
    fields: dict[str, object] = {
        "took": timedelta(seconds=8),
        "start_url": START_URL,
        "region": "eu-central-1",
        "now": NOON + 3 * MINUTE,
    }
    return Notice(
        kind=kind,
        request=request,
        entitlement=entitlement(),
        grant=grant,
        **{**fields, **changes},  # type: ignore[arg-type] # the names are the notice's own
    )


@pytest.mark.parametrize("name", CASES)
def test_the_whole_message_is_as_kept(name: str) -> None:
    """Each kind renders to the very JSON in its file, which Slack would take."""
    hold(f"notice-{name}", notices.render(notice(*CASES[name])))


def test_what_ended_before_it_began_is_not_told_as_a_membership_removed() -> None:
    """Nothing was written for access that was to begin later, so nothing is said to have been taken away."""
    never = ended(EndCause.REVOKED, PRIYA, google_user_id="", activated_at=None, session=None, not_before=NOON + HOUR)
    told = notices.render(notice(NoticeKind.ENDED, approved(not_before=NOON + HOUR), never)).text
    assert told.endswith("revoked it. It had not begun, so there was nothing to take away.")
    assert "removed" not in told


def test_every_kind_is_covered() -> None:
    """No kind of notice goes without its file."""
    assert {kind for kind, _, _ in CASES.values()} == set(NoticeKind)


def test_without_a_portal_there_is_no_link_and_no_command_line() -> None:
    """Nothing is made up where the portal's address is not known."""
    hold("notice-ready-no-portal", notices.render(notice(*CASES["ready"], start_url="")))


def test_without_a_region_the_command_line_asks_for_it() -> None:
    """Where the region is not known the AWS command line's own questions lead on."""
    hold("notice-ready-no-region", notices.render(notice(*CASES["ready"], region="")))


def test_no_time_taken_is_not_told_as_zero_seconds() -> None:
    """A missing measure is left out, not told as nothing."""
    assert "It took" not in notices.render(notice(*CASES["ready"], took=None)).text


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("https://acme.awsapps.com/start", "https://acme.awsapps.com/start/#/console"),
        ("https://acme.awsapps.com/start/", "https://acme.awsapps.com/start/#/console"),
        ("https://acme.awsapps.com/start#/", "https://acme.awsapps.com/start/#/console"),
        ("https://ssoins-1.portal.eu-central-1.app.aws", "https://ssoins-1.portal.eu-central-1.app.aws/#/console"),
    ],
)
def test_the_link_opens_the_role(start: str, expected: str) -> None:
    """The link is right however the portal's address was written, and a role's name is quoted in it."""
    link = console_link(start, "111122223333", "Ops+Admin@eu")
    assert link == f"{expected}?account_id=111122223333&role_name=Ops%2BAdmin%40eu"
