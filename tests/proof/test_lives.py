"""Lives that nobody wrote down: hypothesis makes them up step by step, and every invariant is judged after each."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from accessbot.domain.model import ClickAction, Grant, GrantState, RequestState
from tests.proof.crashes import quiet
from tests.proof.story import ADMIN, ONCALL, Story, new_story
from tests.support import company
from tests.support.evidence import OTHERS
from tests.support.invariants import judge
from tests.support.watch import SLACK, VENDORS, Step

PEOPLE = ("maya", "noah")
SIDES = ("google", "aws")
MOVED = "aws-payments-admin@example.com"


class Lives(RuleBasedStateMachine):
    """Two people, one group carried by two entitlements, other tools, crashes; against a model of who has to be in.

    The model: whoever was a member before stays one; whoever holds an active grant is in, on both sides, unless
    another tool took that away a moment ago; whoever holds none is out, unless another tool put them in a moment ago.
    """

    def __init__(self) -> None:
        super().__init__()
        quiet()
        self._stack = ExitStack()
        self.story: Story = self._stack.enter_context(new_story("lives", "lives"))
        self.world = self.story.world
        self.standing: dict[tuple[str, str], bool] = {}
        self.requests: list[str] = []
        self.moved = False

    def teardown(self) -> None:
        """Let everything come to its end: the invariants hold, and nothing is left but what was there before."""
        self.world.watch.rest()
        self.story.finish()
        self._judge(over=True)
        for (who, side), there in self.standing.items():
            assert self._is_in(who, side) is there, (who, side)
        self._stack.close()

    # --- the beginning

    @initialize(there=st.lists(st.booleans(), min_size=4, max_size=4), seed=st.integers(0, 1_000))
    def begin(self, there: list[bool], seed: int) -> None:
        """Some may be members already; what the story leaves open is open."""
        self.story.chance.seed(seed)
        self.story.takeover.seed(seed)
        places = [(who, side) for who in PEOPLE for side in SIDES]
        for (who, side), is_there in zip(places, there, strict=True):
            self.standing[who, side] = is_there
            if is_there:
                self.world.put(who, side)

    # --- what people do

    @precondition(lambda self: len(self._open()) < 3)
    @rule(who=st.sampled_from(PEOPLE), name=st.sampled_from((ADMIN, ONCALL)), seconds=st.sampled_from((3, 20, 90, 400)))
    def ask(self, who: str, name: str, seconds: int) -> None:
        """Ask for access."""
        self.requests.append(self.story.ask(who, f"{seconds}s", name))

    @precondition(lambda self: self._pending())
    @rule(who=st.sampled_from(("priya", "tomas", "noah")), data=st.data())
    def approve(self, who: str, data: st.DataObject) -> None:
        """Press Approve, as whoever may or may not."""
        self.story.press(who, ClickAction.APPROVE, data.draw(st.sampled_from(self._pending())))

    @precondition(lambda self: self._pending())
    @rule(data=st.data())
    def deny(self, data: st.DataObject) -> None:
        """Press Deny."""
        self.story.press("tomas", ClickAction.DENY, data.draw(st.sampled_from(self._pending())), "not today")

    @precondition(lambda self: self._held())
    @rule(data=st.data(), seconds=st.sampled_from((5, 60)), agreed=st.booleans())
    def extend(self, data: st.DataObject, seconds: int, agreed: bool) -> None:  # noqa: FBT001 - hypothesis names it
        """Ask for more time, and have it or not."""
        request = self.story.extend(data.draw(st.sampled_from(self._held())).id, f"{seconds}s")
        if request:
            self.requests.append(request)
            if agreed:
                self.story.press("priya", ClickAction.APPROVE, request)

    @precondition(lambda self: self._held())
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        """Give it back early."""
        self.story.end(data.draw(st.sampled_from(self._held())).id)

    @precondition(lambda self: self._held())
    @rule(data=st.data(), who=st.sampled_from(("tomas", "ines", "noah")))
    def revoke(self, data: st.DataObject, who: str) -> None:
        """Take it away, as whoever may or may not."""
        self.story.press(who, ClickAction.REVOKE, data.draw(st.sampled_from(self._held())).id)

    # --- what else happens

    @rule(seconds=st.sampled_from((1, 8, 30, 90, 300)))
    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.story.wait(seconds)

    @rule(ahead=st.integers(0, 60), after=st.booleans())
    def crash(self, ahead: int, after: bool) -> None:  # noqa: FBT001 - hypothesis names it
        """Have the process killed some calls from now, before or after that call took effect."""
        place = self.world.watch.count + ahead

        def strike(step: Step) -> None:
            if step.place >= place:
                self.world.watch.kill()

        self.world.watch.rest()
        if after:
            self.world.watch.after = strike
        else:
            self.world.watch.before = strike

    @rule(vendor=st.sampled_from(SIDES), method=st.sampled_from(("add", "remove", "is_member")), applied=st.booleans())
    def blip(self, vendor: str, method: str, applied: bool) -> None:  # noqa: FBT001 - hypothesis names it
        """Let one call to a vendor fail, before or after it took effect."""
        getattr(self.world, vendor).fail(method, times=1, applied=applied)

    @rule(seconds=st.sampled_from((5, 60)), whom=st.sampled_from(((SLACK,), VENDORS)))
    def trouble(self, seconds: int, whom: tuple[str, ...]) -> None:
        """Let half the calls to the vendors or to Slack fail for a while."""
        self.story.trouble(seconds, whom=whom, share=0.5)

    @precondition(lambda self: not self.moved)
    @rule(who=st.sampled_from(PEOPLE), side=st.sampled_from(SIDES), there=st.booleans())
    def meddle(self, who: str, side: str, there: bool) -> None:  # noqa: FBT001 - hypothesis names it
        """Let another tool add or drop one whose membership is accessbot's to see to."""
        pairs = {grant.pair for grant in self.story.grants() if grant.email.startswith(who) and not grant.ended}
        if not pairs or any(self.standing[who, each] for each in SIDES):
            return
        (self.world.put if there else self.world.drop)(who, side)

    @precondition(lambda self: not self.moved)
    @rule()
    def move(self) -> None:
        """Publish a catalog in which the entitlement leads to another group; who holds it keeps the old one."""
        old = self.world.catalog.now
        self.world.catalog.publish(company.having(old, replace(old.entitlements[ADMIN], group=MOVED)))
        self.moved = True

    # --- what has to be so

    @invariant()
    def every_invariant_holds(self) -> None:
        """Whatever happened so far, nothing is violated."""
        self._judge(over=False)

    @invariant()
    def nobody_loses_what_they_had(self) -> None:
        """Whoever was there before is there always."""
        assert [place for place, there in self.standing.items() if there and not self._is_in(*place)] == []

    @invariant()
    def whoever_is_active_is_in(self) -> None:
        """An active grant has both memberships, unless another tool took one away."""
        for grant in self.story.grants():
            if grant.state is GrantState.ACTIVE and grant.expires_at > self.world.clock.now:
                inside = self.world.google.ids(grant.google_group), self.world.aws.inside(grant.aws_group_id)
                missing = {grant.google_user_id, grant.aws_user_id} - inside[0] - inside[1]
                last = {s.place.member: s.by for s in self.world.journal.shifts if s.place.member in missing}
                assert set(last.values()) <= {OTHERS}
                assert set(last) == missing

    # --- inside

    def _judge(self, *, over: bool) -> None:
        assert [str(violation) for violation in judge(self.story.evidence(over=over))] == []

    def _is_in(self, who: str, side: str) -> bool:
        entitlement = self.world.catalog.now.entitlements[ONCALL]
        if side == "google":
            return company.email(who) in self.world.google.emails(entitlement.group)
        return self.world.aws_ids[who] in self.world.aws.inside(self.world.aws_groups[entitlement.group])

    def _open(self) -> list[Grant]:
        return [grant for grant in self.story.grants() if not grant.ended]

    def _held(self) -> list[Grant]:
        return [grant for grant in self._open() if grant.state is GrantState.ACTIVE]

    def _pending(self) -> list[str]:
        return [each for each in self.requests if self.story.request(each).state is RequestState.PENDING]


class TestLives(Lives.TestCase):  # type: ignore[misc,valid-type] # made by hypothesis
    """Run the machine."""

    settings = settings(
        max_examples=30, stateful_step_count=14, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
