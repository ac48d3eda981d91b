"""What `/my-access` shows: everything, or a true count of what is left out."""

from __future__ import annotations

from dataclasses import replace

from accessbot.domain.model import EndCause, GrantState, RemarkKind, RequestKind
from accessbot.domain.notices import Alert, AlertKind, Holding, Holdings
from accessbot.domain.records import Delegation
from accessbot.sandbox.slack.limits import check_message
from accessbot.slack import alerts, holdings
from tests.slack.harness import MAYA, NOAH, PRIYA, START_URL, TOMAS, catalog, emergency, entitlement, policy
from tests.slack.shapes import HOUR, MINUTE, NOON, grant, hold, remark, request

KNOWN = catalog(entitlement())


def held(**changes: object) -> Holdings:
    """Make the holdings of somebody who holds nothing, unless told otherwise."""
    fields: dict[str, object] = {
        "person": MAYA,
        "holdings": (),
        "ending": (),
        "preparing": (),
        "pending": (),
        "start_url": START_URL,
        "now": NOON,
    }
    return Holdings(**{**fields, **changes})  # type: ignore[arg-type] # the names are the record's own


def holding(name: str = "g_0123456789", **changes: object) -> Holding:
    """Make a live grant with 1 h 23 min left."""
    return Holding(
        grant=grant(id=name, **changes), entitlement=entitlement(), left=83 * MINUTE + MINUTE / 2, extensions=(HOUR,)
    )


def test_everything_a_person_has_is_listed() -> None:
    """Live, asked to be extended, preparing, ending and pending ones each have their line and controls."""
    longer = request(id="r_longer", kind=RequestKind.EXTEND, duration=HOUR, grant_id="g_two")
    everything = held(
        holdings=(holding(), replace(holding("g_two"), extension=longer, extensions=())),
        preparing=(grant(id="g_three", state=GrantState.PROVISIONING, waiting_for="AWS"),),
        ending=(grant(id="g_four", state=GrantState.REVOKING, end_cause=EndCause.ENDED_EARLY),),
        pending=(request(),),
    )
    hold("my-access-everything", holdings.render(everything, KNOWN))


def test_who_asked_for_a_colleague_reads_for_whom_and_cannot_confirm() -> None:
    """What waits for the colleague's word can be taken back by whoever asked, and that is all."""
    urgent = catalog(replace(entitlement(), policy=replace(policy(), emergency=emergency())))
    waits = request(asked_by=NOAH, unconfirmed=True)
    asked = holdings.render(held(person=NOAH, pending=(waits, request(id="r_2", asked_by=NOAH))), urgent)
    shown = str(asked.blocks)
    assert f"on behalf of <@{MAYA}>" in shown
    assert "asks on your behalf" not in shown
    buttons = [name for name in ("Confirm", "Decline", "Escalate…", "Cancel") if f"'text': '{name}'" in shown]
    assert buttons == ["Cancel"]


def test_what_waits_later_or_for_somebody_is_listed() -> None:
    """What a colleague asked for, a question, a possible emergency, a later start and a shift have their controls."""
    urgent = replace(entitlement(), policy=replace(policy(), emergency=emergency()))
    catalog_ = catalog(urgent)
    everything = held(
        holdings=(holding("g_shift", schedule="payments"),),
        scheduled=(
            grant(
                id="g_later",
                state=GrantState.PROVISIONING,
                not_before=NOON + 5 * HOUR,
                starts_at=NOON + 5 * HOUR,
                expires_at=NOON + 7 * HOUR,
            ),
        ),
        pending=(
            request(),
            request(id="r_2", remarks=(remark(RemarkKind.QUESTION, PRIYA, "Which <queue>?"),), emergency=True),
            request(id="r_3", asked_by=NOAH, unconfirmed=True),
        ),
        delegation=Delegation(key="U01MAYA", delegate=TOMAS, begins=NOON - HOUR, ends=NOON + 24 * HOUR),
    )
    hold("my-access-waiting", holdings.render(everything, catalog_))


def test_a_delegation_to_come_says_from_when() -> None:
    """Decisions that are in another's hands later are told with both times."""
    later = Delegation(key="U01MAYA", delegate=TOMAS, begins=NOON + HOUR, ends=NOON + 24 * HOUR)
    text = str(holdings.render(held(delegation=later), KNOWN).blocks)
    assert "Your decisions are with <@U04TOMAS> from " in text


def test_nothing_held_is_told_with_what_to_do() -> None:
    """Somebody without access reads how to ask for some."""
    hold("my-access-nothing", holdings.render(held(), KNOWN))


def test_what_was_just_done_stands_on_top() -> None:
    """After a press the list says what was done, then shows what is left."""
    hold("my-access-after-a-press", holdings.render(held(holdings=(holding(),)), KNOWN, "Your request was cancelled."))


def test_what_does_not_fit_is_counted() -> None:
    """With more grants than one message holds, the rest is counted with the way to see it."""
    many = held(holdings=tuple(holding(f"g_{n}") for n in range(40)))
    message = holdings.render(many, KNOWN)
    check_message(message.text, message.blocks)
    shown = sum(block.get("block_id", "").startswith("grant:") for block in message.blocks)
    assert f"And {40 - shown} more; an operator lists them with `accessbot grants list`." in str(message.blocks)
    assert message.text == "You have 40 active grants."


def test_alerts_say_what_to_do_and_when_it_is_over() -> None:
    """An alert names the trouble and the remedy; resolved it says that it is over, and asks for nothing."""
    alert = Alert(
        kind=AlertKind.REVOKE_OVERDUE,
        subject="g_0123456789",
        headline="A revoke is still not proven after 2 min",
        action="Look at AWS & remove <the membership> by hand.",
        since=NOON,
        now=NOON + 2 * MINUTE,
        grant=grant(),
    )
    hold("alert-open", alerts.render(alert))
    hold("alert-over", alerts.render(replace(alert, resolved=True)))
