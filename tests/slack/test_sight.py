"""Who sees what of the catalog: from memory, found out behind the form, and never what decides."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from accessbot.domain.errors import Refused, Unavailable
from accessbot.domain.model import Catalog, RequestState, Selector, SelectorKind
from accessbot.service import viewing
from accessbot.slack.options import AccessIndex
from accessbot.slack.sight import MAX_AGE_S, Seen, Sight
from tests.slack.harness import MAYA, NOAH, SHORTEST, Town, catalog, emergency, entitlement, eventually, policy, town

OPEN = policy("open")
PAYMENTS = replace(policy("payments"), requesters=(Selector(SelectorKind.GROUP, "payments@example.com"),))
LEDGER = replace(
    policy("ledger"),
    requesters=(Selector(SelectorKind.USER, "noah@example.com"),),
    emergency=emergency("glass", Selector(SelectorKind.GROUP, "payments@example.com")),
)


def restricted(*names: str) -> Catalog:
    """Make a catalog of which some things are for the payments group alone."""
    rules = {"open": OPEN, "payments": PAYMENTS, "ledger": LEDGER}
    return catalog(*(entitlement(f"{name}-admin", rules[name]) for name in names), name="-".join(names))


@pytest.fixture
def here() -> Iterator[Town]:
    """Open a workspace in which Noah is of the payments group, and Maya is not."""
    with town(restricted("open", "payments", "ledger")) as opened:
        opened.google.add_group("payments@example.com")
        opened.google.put("payments@example.com", "noah@example.com")
        yield opened
        assert not opened.slack.warnings


def offered(here: Town, person: str) -> set[str]:
    """List the ids that the form on a person's screen offers."""
    view = here.actor(person).open_view()["view"]
    access = next(block for block in view["blocks"] if block.get("block_id") == "access")
    return {option["value"] for group in access["element"]["option_groups"] for option in group["options"]}


def test_a_person_is_shown_what_they_may_ask_for(here: Town) -> None:
    """The first form opens with everything and is brought in line; the next one opens as it should be."""
    maya, noah = here.actor(MAYA), here.actor(NOAH)
    maya.command("/request-aws")
    eventually(lambda: offered(here, MAYA) == {"open-admin"})
    maya.command("/request-aws")
    assert offered(here, MAYA) == {"open-admin"}
    assert "Emergency" not in maya.view_text()
    noah.command("/request-aws")
    eventually(lambda: here.google.calls("holds"))
    assert offered(here, NOAH) == {"open-admin", "payments-admin", "ledger-admin"}
    assert "Emergency" in noah.view_text()


def test_what_was_filled_in_stays_when_the_form_is_brought_in_line(here: Town) -> None:
    """Somebody faster than the look-up loses nothing of what they chose and wrote."""
    maya = here.actor(MAYA)
    with here.google.lock:  # Google does not answer meanwhile
        maya.command("/request-aws")
        maya.fill({"Duration": "2h", "Reason": "INC-42"})
        assert len(offered(here, MAYA)) == 3
    eventually(lambda: offered(here, MAYA) == {"open-admin"})
    maya.fill({"Access": "open-admin"})
    assert maya.submit() == {}
    (request,) = here.ctx.store.requests([RequestState.PENDING])
    assert (request.entitlement, request.duration.total_seconds(), request.reason) == ("open-admin", 7200, "INC-42")


def test_what_is_hidden_is_refused_live_and_not_by_memory(here: Town) -> None:
    """A typed name that is not shown is judged by the live check; whoever may by now is not held up."""
    maya = here.actor(MAYA)
    maya.command("/request-aws")
    eventually(lambda: offered(here, MAYA) == {"open-admin"})
    maya.close()
    assert "Did you mean" not in str(maya.command("/request-aws", "payments-admim 1h why").answers)
    assert "payments-admin" not in maya.view_text().replace("payments-admim", "")
    maya.close()
    maya.command("/request-aws", "payments-admin 1h why")
    here.work()
    maya.wait_for_ephemeral("its policy “payments” does not list you")
    here.google.put("payments@example.com", "maya@example.com")
    maya.command("/request-aws", "payments-admin 1h why")
    here.work()
    here.actor("U03PRIYA").wait_for_message("approvals", "payments-admin")


def test_somebody_who_sees_nothing_is_told(here: Town) -> None:
    """The form becomes a sentence, the next try is answered with it, and is found out anew behind."""
    here.shelf.held = restricted("payments")
    maya = here.actor(MAYA)
    maya.command("/request-aws")
    eventually(lambda: "nothing in the catalog that you may ask for" in maya.view_text())
    maya.close()
    here.google.put("payments@example.com", "maya@example.com")
    (answer,) = maya.command("/request-aws").answers
    assert "nothing in the catalog that you may ask for" in answer["text"]
    eventually(lambda: not maya.command("/request-aws").answers)
    assert offered(here, MAYA) == {"payments-admin"}


def test_somebody_who_may_hold_nothing_reads_why(here: Town) -> None:
    """A person whom Google suspended sees the reason instead of the catalog."""
    here.google.change_user("maya@example.com", suspended=True)
    maya = here.actor(MAYA)
    maya.command("/request-aws")
    eventually(lambda: "is suspended; access is not given" in maya.view_text())


def test_a_vendor_that_is_away_hides_nothing(here: Town) -> None:
    """What cannot be told is shown: the live check decides."""
    here.google.fail("holds", times=None)
    maya = here.actor(MAYA)
    maya.command("/request-aws")
    eventually(lambda: here.google.calls("holds"))
    assert offered(here, MAYA) == {"open-admin", "payments-admin", "ledger-admin"}


def test_typing_ahead_shows_what_a_person_may_ask_for(here: Town) -> None:
    """In a large catalog the type-ahead follows the same memory."""
    many = [entitlement(f"open-{number}", OPEN) for number in range(120)]
    here.shelf.held = catalog(*many, entitlement("payments-admin", PAYMENTS), name="large")
    maya = here.actor(MAYA)
    maya.command("/request-aws")
    eventually(lambda: maya.type_ahead("Access", "payments") == [])
    assert len(maya.type_ahead("Access", "open-11")) == 11


def test_where_everybody_may_ask_nobody_is_looked_up() -> None:
    """A catalog that is open to everyone needs no look-up at all to be shown."""
    with town() as here:
        assert viewing.visible(here.ctx, MAYA) == {"sensitive"}
        assert not here.google.journal


def test_only_the_selectors_that_differ_are_asked_about(here: Town) -> None:
    """The same selector in several policies is read once."""
    assert viewing.visible(here.ctx, NOAH) == {"open", "payments", "ledger"}
    assert len(here.google.calls("holds")) == 1


class Eye:
    """A look-up that a test answers."""

    def __init__(self) -> None:
        self.now = 0.0
        self.looks = 0
        self.answer: frozenset[str] | Exception = frozenset({"open"})
        self.sight = Sight(self.look, lambda: self.now)

    def look(self, _person: str) -> frozenset[str]:
        """Answer."""
        self.looks += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_what_is_kept_has_an_age_and_a_catalog() -> None:
    """It is due at first, after its age, with another catalog, and whenever it hides everything."""
    eye = Eye()
    assert eye.sight.of(MAYA, "one") is None
    assert eye.sight.is_due(MAYA, "one")
    eye.sight.look(MAYA, "one")
    assert eye.sight.of(MAYA, "one") == Seen(frozenset({"open"}))
    assert not eye.sight.is_due(MAYA, "one")
    assert eye.sight.of(MAYA, "two") is None
    assert eye.sight.is_due(MAYA, "two")
    eye.now = MAX_AGE_S + 1
    assert eye.sight.is_due(MAYA, "one")
    assert eye.sight.of(MAYA, "one") == Seen(frozenset({"open"}))
    eye.answer = frozenset()
    eye.sight.look(MAYA, "one")
    assert eye.sight.is_due(MAYA, "one")


def test_a_look_that_fails_keeps_what_was_known() -> None:
    """While it cannot be told, the last thing known is shown; a refusal replaces it."""
    eye = Eye()
    eye.sight.look(MAYA, "one")
    eye.answer = Unavailable("Google", "users.get", "Google is away.")
    assert eye.sight.look(MAYA, "one") is None
    assert eye.sight.of(MAYA, "one") == Seen(frozenset({"open"}))
    eye.answer = Refused("You are a guest.")
    eye.sight.look(MAYA, "one")
    assert eye.sight.of(MAYA, "one") == Seen(frozenset(), "You are a guest.")


def test_a_person_is_looked_up_once_at_a_time() -> None:
    """Two forms opened at once lead to one look-up."""
    inside, go_on = threading.Event(), threading.Event()

    def slow(_person: str) -> frozenset[str]:
        inside.set()
        go_on.wait(5)
        return frozenset({"open"})

    sight = Sight(slow)
    first = threading.Thread(target=sight.look, args=(MAYA, "one"))
    first.start()
    inside.wait(5)
    assert not sight.is_due(MAYA, "one")
    assert sight.look(MAYA, "one") is None
    go_on.set()
    first.join()
    assert sight.of(MAYA, "one") is not None


def test_a_part_of_an_index_is_the_same_each_time() -> None:
    """A part shows its policies' choices alone, finds names in all of the catalog, and keeps the inputs' kinds."""
    whole = AccessIndex(restricted("open", "payments"), SHORTEST)
    part = whole.part(frozenset({"open"}))
    assert part is whole.part(frozenset({"open"}))
    assert whole.part(frozenset({"open", "payments", "more"})) is whole
    assert part.search("payments") == []
    assert part.find("payments-admin") is not None
    assert (part.is_small, part.shared_durations) == (whole.is_small, whole.shared_durations)
    for number in range(300):
        assert whole.part(frozenset({"open", str(number)})).example is not None
