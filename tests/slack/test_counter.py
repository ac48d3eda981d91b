"""The counter at its edges: forms, words, trouble, and large catalogs; everybody gets a sentence, in time."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from accessbot.domain.errors import StoreUnavailable, Unclear
from accessbot.domain.model import GrantState, RequestState
from accessbot.sandbox.slack.elements import flat_options
from accessbot.sandbox.slack.limits import check_suggestions, check_view
from accessbot.slack.guard import NOT_NOW, UNCLEAR
from accessbot.slack.options import AccessIndex
from accessbot.slack.request_form import Draft, request_form
from tests.slack.harness import MAYA, NOAH, PRIYA, SHORTEST, Town, catalog, entitlement, eventually, policy, town

RELAXED = policy("relaxed", default="30m", longest="4h")
MIXED = catalog(entitlement(), entitlement("staging-admin", RELAXED, description="Staging <everything>"))


@pytest.fixture
def here() -> Iterator[Town]:
    """Open a workspace with two policies for one test."""
    with town(MIXED) as opened:
        yield opened
        assert not opened.slack.warnings


def said(outcome: Any) -> str:  # noqa: ANN401 - the stand-in's own type
    """Give the text that a command was answered with."""
    return str(outcome.answers[-1]["text"])


def test_the_empty_form_opens_from_memory(here: Town) -> None:
    """Neither the store nor a vendor is asked before the form is there, even when the store is away."""
    here.store.trouble = StoreUnavailable("away")
    here.store.asked.clear()
    maya = here.actor(MAYA)
    assert maya.command("/request-aws").ok
    assert not here.store.asked
    text = maya.view_text()
    assert all(label in text for label in ("Request AWS access", "Access:", "Duration:", "Reason:", "[Request]"))


def test_a_delivery_leaves_our_own_log_open(here: Town) -> None:
    """Bolt sets the level of the logger that bears its app's name at every delivery: that is never ours."""
    assert here.actor(MAYA).command("/my-access").ok
    assert logging.getLogger("accessbot").level == logging.NOTSET


def test_the_hint_follows_the_choice_and_nothing_typed_is_lost(here: Town) -> None:
    """Choosing an access brings the hint in line with its policy; what was typed before stays."""
    maya = here.actor(MAYA)
    maya.command("/request-aws")
    maya.fill({"Duration": "45m", "Reason": "INC-42"})
    maya.fill({"Access": "staging-admin"})
    assert "At most 4 h, usually 30 min" in maya.view_text()
    assert maya.submit() == {}
    (request,) = here.ctx.store.requests([RequestState.PENDING])
    assert (request.entitlement, request.duration.total_seconds(), request.reason) == ("staging-admin", 2700, "INC-42")


def test_the_form_works_where_it_cannot_be_updated(here: Town) -> None:
    """A Slack without views.update only leaves the hint as it is."""
    here.slack.outages.unknown("views.update")
    maya = here.actor(MAYA)
    maya.command("/request-aws")
    maya.fill({"Access": "staging-admin", "Duration": "45m", "Reason": "INC-42"})
    assert maya.submit() == {}


@pytest.mark.parametrize(
    ("answers", "label", "words"),
    [
        ({"Duration": "9h"}, "Duration", "at most 8 h"),
        ({"Duration": "soon"}, "Duration", "no duration"),
        ({"Duration": "0s"}, "Duration", "longer than nothing"),
        ({"Reason": " \n "}, "Reason", "Say why"),
    ],
)
def test_refusals_are_on_the_field(here: Town, answers: dict[str, str], label: str, words: str) -> None:
    """What cannot be taken is told on its field, and the form stays open to be put right."""
    maya = here.actor(MAYA)
    maya.command("/request-aws")
    maya.fill({"Access": "production-admin", "Duration": "1h", "Reason": "why", **answers})
    errors = maya.submit()
    assert list(errors) == [label]
    assert words in errors[label]
    maya.fill({"Duration": "1h", "Reason": "why"})
    assert maya.submit() == {}


def test_a_store_that_is_away_is_told_in_the_form(here: Town) -> None:
    """The form stays open with "not now", or with what to do after an unclear write; pressing again asks once."""
    maya = here.actor(MAYA)
    maya.command("/request-aws")
    maya.fill({"Access": "production-admin", "Duration": "1h", "Reason": "why"})
    here.store.trouble = StoreUnavailable("away")
    assert maya.submit() == {"Reason": NOT_NOW}
    here.store.trouble, here.store.methods = Unclear("?"), frozenset({"commit"})
    assert maya.submit() == {"Reason": UNCLEAR}
    here.store.trouble = None
    assert maya.submit() == {}
    assert len(list(here.ctx.store.requests([RequestState.PENDING]))) == 1


@pytest.mark.parametrize(("command", "text"), [("/my-access", ""), ("/request-aws", "production-admin 1h why")])
def test_a_store_that_is_away_is_told_on_commands(here: Town, command: str, text: str) -> None:
    """A command answers "not now" when the store is away."""
    here.store.trouble = StoreUnavailable("away")
    assert said(here.actor(MAYA).command(command, text)) == NOT_NOW


def test_a_defect_is_told_with_a_reference(here: Town, capsys: pytest.CaptureFixture[str]) -> None:
    """An unexpected error gives the person a reference that the log holds too, and Slack its acknowledgement."""
    here.store.trouble = RuntimeError("a defect")
    outcome = here.actor(MAYA).command("/my-access")
    assert outcome.ok
    reference = said(outcome).rstrip(".").rsplit(" ", 1)[-1]
    assert reference in "".join(capsys.readouterr())


def test_a_press_is_told_alone_when_it_did_not_work(here: Town) -> None:
    """The person who pressed reads the sentence, nobody else does, and the press can be made again."""
    here.actor(MAYA).command("/request-aws", "production-admin 1h why")
    here.work()
    priya = here.actor(PRIYA)
    card = priya.wait_for_message("approvals", "Pending")
    here.store.trouble = StoreUnavailable("away")
    assert priya.click(card, "Approve").ok
    priya.wait_for_ephemeral("Not now")
    assert not here.actor("U04TOMAS").ephemerals()
    here.store.trouble = None
    priya.click(card, "Approve")
    here.work()
    assert len(list(here.ctx.store.grants([GrantState.ACTIVE]))) == 1


def test_a_stale_button_is_answered(here: Town) -> None:
    """Approve on a card that was cancelled meanwhile is refused with what became of it."""
    maya, priya = here.actor(MAYA), here.actor(PRIYA)
    maya.command("/request-aws", "production-admin 1h why")
    here.work()
    card = priya.wait_for_message("approvals", "Pending")
    maya.click(maya.command("/my-access").answers[-1], "Cancel")
    here.work()
    priya.click(card, "Approve", stale=True)
    priya.wait_for_ephemeral("already cancelled")


def test_nobody_ends_what_is_not_theirs(here: Town) -> None:
    """Ending, extending or cancelling by a forged button of somebody else's is refused."""
    here.actor(MAYA).command("/request-aws", "production-admin 1h why")
    here.work()
    here.actor(PRIYA).click(here.actor(PRIYA).wait_for_message("approvals", "Pending"), "Approve")
    here.work()
    (grant,) = here.ctx.store.grants([GrantState.ACTIVE])
    maya = here.actor(MAYA)
    listing = maya.command("/my-access").answers[-1]
    maya.click(listing, "End access")
    payload = here.slack.deliveries[-1].payload
    noah = payload | {"user": payload["user"] | {"id": NOAH}, "trigger_id": "other", "response_url": ""}
    here.slack._courier.deliver("interactive", noah)  # noqa: SLF001 - a forged but signed press
    here.actor(NOAH).wait_for_message("dm", "not yours")
    assert grant.requester == MAYA


def test_another_workspace_is_turned_away(here: Town) -> None:
    """Once our own workspace is known, payloads of people of another one are refused before anything is read."""
    here.actor(MAYA).command("/my-access")
    eventually(lambda: here.team.known)
    sven = here.actor("U07SVEN")
    payload = here.slack.deliveries[-1].payload | {"user_id": sven.id, "team_id": "T99PARTNER", "trigger_id": "t"}
    answer = here.slack._courier.deliver("slash_commands", payload)  # noqa: SLF001 - as Slack would
    assert "members of its own workspace only" in answer.body


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("staging-admim 1h why", "Did you mean staging-admin"),
        ("production-admin 99x why", "is no duration"),
        ("production-admin", "Still to be said: for how long and why."),
        ("production-admin 2h", "Still to be said: why."),
        ("production-admin because of it", "Still to be said: for how long."),
        ("production-admin 9h why", "at most 8 h"),
    ],
)
def test_a_line_with_something_missing_opens_a_form(here: Town, text: str, expected: str) -> None:
    """What was understood is in the form, and what is missing or wrong is told on top."""
    maya = here.actor(MAYA)
    assert maya.command("/request-aws", text).ok
    assert expected in maya.view_text()
    assert not list(here.ctx.store.requests([RequestState.PENDING]))


def test_a_half_filled_form_keeps_what_was_understood(here: Town) -> None:
    """Entitlement and reason of a line without a duration are there already."""
    maya = here.actor(MAYA)
    maya.command("/request-aws", "STAGING-ADMIN fixing: INC-42")
    maya.fill({"Duration": "45m"})
    assert maya.submit() == {}
    (request,) = here.ctx.store.requests([RequestState.PENDING])
    assert (request.entitlement, request.reason) == ("staging-admin", "fixing: INC-42")


def test_help_shows_examples_that_work(here: Town) -> None:
    """The example that help shows is understood when it is typed."""
    outcome = here.actor(MAYA).command("/request-aws", "help")
    assert "/request-aws production-admin 1h fixing INC-42" in said(outcome)
    assert here.actor(MAYA).command("/request-aws", "production-admin 1h fixing INC-42").ok
    assert len(list(here.ctx.store.requests([RequestState.PENDING]))) == 1


def test_a_slack_without_forms_still_takes_a_line(here: Town) -> None:
    """Where views.open is unknown the person reads how to type it, and a denial counts without a reason."""
    here.slack.outages.unknown("views.open")
    maya, priya = here.actor(MAYA), here.actor(PRIYA)
    assert "/request-aws production-admin 1h" in said(maya.command("/request-aws"))
    maya.command("/request-aws", "production-admin 1h why")
    here.work()
    priya.click(priya.wait_for_message("approvals", "Pending"), "Deny")
    here.work()
    priya.wait_for_message("approvals", "Denied by @priya")


def test_a_slow_form_is_told(here: Town) -> None:
    """When Slack does not open the form the person reads so, in under three seconds."""
    here.slack.outages.error("views.open", "expired_trigger_id", times=1)
    assert "try it once more" in said(here.actor(MAYA).command("/request-aws"))
    here.slack.outages.error("views.open", "missing_scope", times=1)
    assert "Tell your administrators" in said(here.actor(MAYA).command("/request-aws"))


def test_an_unknown_command_is_answered(here: Town) -> None:
    """A command that this version has no listener for is told so."""
    assert "does not know" in said(here.actor(MAYA).command("/other"))


def test_an_empty_catalog_is_told(here: Town) -> None:
    """With nothing to ask for, no broken form opens."""
    here.shelf.held = catalog(name="empty")
    assert "nothing to ask for" in said(here.actor(MAYA).command("/request-aws"))
    assert here.actor(MAYA).command("/request-aws", "help").ok


def test_one_policy_makes_duration_a_select_with_its_default() -> None:
    """When every access offers the same, the durations are choices and the default is chosen."""
    index = AccessIndex(catalog(entitlement(), entitlement("production-read")), SHORTEST)
    view = check_view(request_form(index, "{}"))
    duration = view["blocks"][1]["element"]
    assert duration["type"] == "static_select"
    assert duration["initial_option"]["value"] == "1h"
    assert [option["value"] for option in duration["options"]][-1] == "8h"
    text = check_view(request_form(index, "{}", Draft(duration_text="17m")))["blocks"][1]["element"]
    assert (text["type"], text["initial_value"]) == ("plain_text_input", "17m")


def test_up_to_100_choices_are_one_select_and_more_a_type_ahead() -> None:
    """The border between the two is at exactly a hundred."""
    for number, kind in ((100, "static_select"), (101, "external_select")):
        many = catalog(*(entitlement(f"e-{n}") for n in range(number)))
        view = check_view(request_form(AccessIndex(many, SHORTEST), "{}", Draft(many.entitlements["e-7"])))
        access = view["blocks"][0]["element"]
        assert access["type"] == kind
        assert access["initial_option"]["value"] == "e-7"


def test_long_names_are_cut_within_slacks_limits() -> None:
    """Names and descriptions longer than Slack shows are cut, the value never is."""
    long = entitlement("e" * 140, permission_set="P" * 32, description="d" * 500)
    wide = replace(long, account=replace(long.account, name="n" * 200))
    view = check_view(request_form(AccessIndex(catalog(wide), SHORTEST), "{}"))
    (group,) = view["blocks"][0]["element"]["option_groups"]
    assert group["label"]["text"].endswith("(111122223333)")
    assert group["options"][0]["value"] == "e" * 140


@pytest.fixture(scope="module")
def large() -> AccessIndex:
    """Index ten thousand entitlements in a hundred accounts."""
    many = []
    for number in range(10_000):
        one = entitlement(
            f"team-{number:05d}", permission_set=f"Role{number % 7}", description=f"Service {number % 97}"
        )
        key = f"acct-{number % 100:02d}"
        many.append(replace(one, account=replace(one.account, key=key, id=f"{number % 100:012d}", name=key.upper())))
    return AccessIndex(catalog(*many), SHORTEST)


@pytest.mark.parametrize(
    "typed", ["", "team", "service 13", "TEAM-09999", "acct-42 role3", "nothing like it", "000000000042"]
)
def test_a_type_ahead_over_ten_thousand_is_legal_and_fitting(large: AccessIndex, typed: str) -> None:
    """At most a hundred results, each holding every word, in a shape that Slack takes."""
    groups = large.search(typed)
    found = list(flat_options({"option_groups": groups}))
    check_suggestions({"option_groups": groups} if groups else {"options": []})
    assert len(found) <= 100
    assert bool(found) is (typed != "nothing like it")


def test_the_very_name_comes_first(large: AccessIndex) -> None:
    """An exact id is the first result, ids that start so follow before mere mentions."""
    assert next(flat_options({"option_groups": large.search("team-01234")}))["value"] == "team-01234"


def test_a_type_ahead_is_answered_through_slack() -> None:
    """Typing into Access of a large catalog gives choices that can be asked for."""
    with town(catalog(*(entitlement(f"e-{n}") for n in range(150)))) as here:
        maya = here.actor(MAYA)
        maya.command("/request-aws")
        assert len(maya.type_ahead("Access", "")) == 100
        assert maya.type_ahead("Access", "e-149") == ["AdministratorAccess · e-149"]
        assert maya.type_ahead("Access", "zzz") == []
        maya.fill({"Access": "e-149", "Duration": "1h", "Reason": "why"})
        assert maya.submit() == {}


def test_everything_is_acknowledged_within_a_second(here: Town) -> None:
    """Commands, presses and forms are answered at once, vendors or not."""
    maya = here.actor(MAYA)
    started = time.monotonic()
    maya.command("/request-aws")
    maya.command("/request-aws", "production-admin 1h why")
    maya.command("/my-access")
    assert time.monotonic() - started < 3
    assert all(each.answer is not None and each.answer.seconds < 1 for each in here.slack.deliveries)


def test_extend_and_end_say_when_there_is_nothing_to_do(here: Town) -> None:
    """A grant at its longest, and one that ended meanwhile, answer with what is the matter."""
    maya, priya = here.actor(MAYA), here.actor(PRIYA)
    maya.command("/request-aws", "production-admin 8h the longest there is")
    here.work()
    priya.click(priya.wait_for_message("approvals", "Pending"), "Approve")
    here.work()
    listing = maya.command("/my-access").answers[-1]
    maya.click(listing, "Extend")
    maya.wait_for_ephemeral("longest time already")
    maya.click(listing, "End access")
    maya.wait_for_ephemeral("being taken away")
    here.work()
    maya.click(maya.wait_for_message("dm", "Your access is ready"), "End access")
    maya.wait_for(lambda me: "ended already" in me.screen(), what="the refusal")
    maya.click(listing, "Extend", stale=True)
    maya.wait_for(lambda me: "not active any more" in me.screen(), what="the refusal")


def test_extend_is_asked_once_at_a_time(here: Town) -> None:
    """While more time is asked for already, or no form can be opened, Extend says so."""
    maya, priya = here.actor(MAYA), here.actor(PRIYA)
    maya.command("/request-aws", "production-admin 1h why")
    here.work()
    priya.click(priya.wait_for_message("approvals", "Pending"), "Approve")
    here.work()
    listing = maya.command("/my-access").answers[-1]
    here.slack.outages.unknown("views.open")
    maya.click(listing, "Extend")
    maya.wait_for_ephemeral("cannot open the form")
    here.slack.outages.clear()
    maya.click(listing, "Extend")
    maya.fill({"Duration": "1h", "Reason": "more"})
    assert maya.submit() == {}
    maya.click(listing, "Extend")
    maya.wait_for_ephemeral("asked for more time already")
    assert "more asked for: Pending" in maya.read(maya.command("/my-access").answers[-1])
