"""`reviews list` and `reviews close`: what is open, what became of the others, and an operator's word."""

from __future__ import annotations

import getpass
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from accessbot.adapters.redis_store import RedisStore
from accessbot.domain import registers
from accessbot.domain.model import Grant
from accessbot.domain.records import Review, ReviewState
from accessbot.domain.work import Work, WorkKind
from accessbot.ports import Change
from accessbot.service import schedule
from tests.cli.conftest import Run
from tests.cli.records import ACTIVE, HOUR, NOW, REVOKED

OPERATOR = f"cli:{getpass.getuser()}"


def emergency(store: RedisStore, grant: Grant) -> Review:
    """Store an emergency and its open review."""
    grant = replace(grant, emergency=True)
    step = registers.review_opened(grant, schedule.review_of(grant), "break-glass", "INC-7", grant.approved_at)
    store.commit(Change(op=f"emergency:{grant.id}", puts=(grant, step.record), events=(step.event,)))
    return step.record


@pytest.fixture
def open_review(store: RedisStore) -> Review:
    """Give the open review of an emergency that is over, beside a grant that was none."""
    store.commit(Change(op="normal", puts=(replace(ACTIVE, id="g_3"),)))
    return emergency(store, REVOKED)


@pytest.fixture
def closed_review(store: RedisStore) -> Review:
    """Give a review that an owner closed."""
    review = emergency(store, replace(REVOKED, id="g_0", starts_at=NOW))
    stored = store.review(review.id)
    assert stored is not None
    step = registers.review_closed(stored, ReviewState.NOT_JUSTIFIED, "U9", NOW + 3 * HOUR, "a test\x1b[31m")
    store.commit(Change(op="closed", puts=(step.record,), events=(step.event,)))
    return step.record


@pytest.mark.usefixtures("closed_review")
def test_open_reviews_for_programs(run: Run, open_review: Review) -> None:
    """One array of those that nobody closed yet, with the documented fields; what is not there yet is null."""
    told = run("reviews", "list", "--json")
    assert (told.status, told.err) == (0, "")
    assert json.loads(told.out) == [
        {
            "id": open_review.id,
            "grant_id": "g_2",
            "request_id": "r_2",
            "requester": "U2",
            "email": "ben@example.com",
            "entitlement": "staging-admin",
            "policy": "break-glass",
            "incident": "INC-7",
            "state": "open",
            "opened_at": "2026-11-24T10:00:00.123Z",
            "reminded": 0,
            "closed_by": None,
            "closed_at": None,
            "reason": None,
        }
    ]


def test_all_reviews(run: Run, open_review: Review, closed_review: Review) -> None:
    """Those that were closed are found too, with who closed them and why; grants that were no emergency are not."""
    told = run("reviews", "list", "--all", "--json")
    rows = json.loads(told.out)
    assert [(row["id"], row["state"], row["closed_by"], row["reason"]) for row in rows] == [
        (closed_review.id, "not_justified", "U9", "a test\x1b[31m"),
        (open_review.id, "open", None, None),
    ]


@pytest.mark.usefixtures("closed_review", "open_review")
def test_reviews_for_people(run: Run) -> None:
    """A table of who, what, which incident, and what became of it; nothing in it moves a terminal's cursor."""
    told = run("reviews", "list", "--all")
    head, *rows = told.out.splitlines()
    assert head.split()[:4] == ["ID", "STATE", "EMAIL", "ENTITLEMENT"]
    assert len(rows) == 2
    assert "not_justified" in rows[0]
    assert "ben@example.com" in rows[0]
    assert "INC-7" in rows[1]
    assert "\x1b" not in told.out


def test_no_reviews(run: Run) -> None:
    """An empty list says so, and is an empty array for programs."""
    assert run("reviews", "list").err == "No reviews.\n"
    assert json.loads(run("reviews", "list", "--json").out) == []


@pytest.mark.parametrize("verdict", ["justified", "not-justified"])
def test_an_operator_closes_a_review(run: Run, store: RedisStore, open_review: Review, verdict: str) -> None:
    """It is closed for good, in the log with the operator and the reason, and its message is due to be changed."""
    told = run("reviews", "close", open_review.id, f"--{verdict}", "--reason", " looked at in the post-mortem ")
    assert (told.status, told.err) == (0, "")
    assert told.out == f"{open_review.id} is closed as {verdict.replace('-', ' ')}.\n"
    closed = store.review(open_review.id)
    assert closed is not None
    assert (closed.state, closed.closed_by, closed.reason) == (
        ReviewState(verdict.replace("-", "_")),
        OPERATOR,
        "looked at in the post-mortem",
    )
    assert list(store.audit())[-1].actor == OPERATOR
    assert store.begin(Work(WorkKind.REVIEW, open_review.id), timedelta(seconds=5)) is not None
    assert store.open_reviews() == ()


def test_a_closed_review_for_programs(run: Run, open_review: Review) -> None:
    """With --json the closed review is the one element of the array."""
    told = run("reviews", "close", open_review.id, "--justified", "--reason", "ok", "--json")
    (row,) = json.loads(told.out)
    assert (row["id"], row["state"], row["closed_by"]) == (open_review.id, "justified", OPERATOR)


def test_what_cannot_be_closed_is_told(run: Run, store: RedisStore, closed_review: Review) -> None:
    """An unknown id, one that is closed already, by whom, and one whose access has not ended: one line, status 1."""
    live = emergency(store, ACTIVE)
    for review_id, why in (
        ("v_none", "This review is not known any more; nothing was changed.\n"),
        (closed_review.id, "Too late: this review was already closed as not justified by U9.\n"),
        (live.id, "This access has not ended yet; it is reviewed once it has.\n"),
    ):
        told = run("reviews", "close", review_id, "--justified", "--reason", "ok")
        assert (told.status, told.out, told.err) == (1, "", why)


@pytest.mark.parametrize("verdict", [[], ["--justified", "--not-justified"]])
def test_one_verdict_has_to_be_said(run: Run, open_review: Review, store: RedisStore, verdict: list[str]) -> None:
    """Neither of both, nor both: wrong usage, and nothing is changed."""
    told = run("reviews", "close", open_review.id, *verdict, "--reason", "ok")
    assert (told.status, told.out) == (2, "")
    assert "Say one of --justified and --not-justified." in told.err
    assert len(store.open_reviews()) == 1


@pytest.mark.parametrize("reason", [[], ["--reason", " "]])
def test_an_operator_says_why(run: Run, open_review: Review, store: RedisStore, reason: list[str]) -> None:
    """Without a reason it stays open: whoever closes it from a terminal is not seen in Slack."""
    told = run("reviews", "close", open_review.id, "--justified", *reason)
    assert told.status == (1 if reason else 2)
    assert told.out == ""
    assert not reason or told.err == "Say why it is closed from here: the log keeps it.\n"
    assert len(store.open_reviews()) == 1
