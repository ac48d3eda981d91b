"""The lives that are lived at the risk of a crash: each a name, and a story that a seed tells a little differently."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

from accessbot.domain.errors import Missing, NotAuthorised, Rejected
from accessbot.domain.model import ClickAction
from accessbot.service import ticking
from tests.proof import rota
from tests.proof.story import ADMIN, ONCALL, PAYMENTS, SWEEP_PERIOD, SYNC_PERIOD, Story
from tests.support import company
from tests.support.company import email
from tests.support.watch import SLACK, Step

Scene = Callable[[Story], None]

SCENES: dict[str, Scene] = {}
_SYNC_S = SYNC_PERIOD.total_seconds()


def scene(tell: Scene) -> Scene:
    """Take a story into the catalogue under its function's name."""
    SCENES[tell.__name__.replace("_", "-")] = tell
    return tell


# --- lives in which all goes well -------------------------------------------------------------------------------------


@scene
def plain(story: Story) -> None:
    """Asked for, approved, held until its end."""
    story.granted(duration=f"{story.chance.choice((5, 20, 45))}s")
    story.wait(50)


@scene
def early_end(story: Story) -> None:
    """The holder gives it back."""
    grant = story.granted(duration="10m")
    story.wait(story.chance.choice((0, 7, 70)))
    story.end(grant)


@scene
def long(story: Story) -> None:
    """Held for so long that nobody looks at it any more, until its time is over or somebody ends it."""
    grant = story.granted(duration="9m")
    story.wait(360)
    match story.chance.randrange(3):
        case 0:
            story.end(grant)
        case 1:
            story.press("tomas", ClickAction.REVOKE, grant)
    story.wait(200)


@scene
def revoke(story: Story) -> None:
    """An approver, an administrator or first somebody who may not takes it away."""
    grant = story.granted(duration="10m")
    story.wait(story.chance.choice((0, 11)))
    if story.chance.random() < 0.5:
        story.press("noah", ClickAction.REVOKE, grant)
    story.press(story.chance.choice(("tomas", "ines")), ClickAction.REVOKE, grant, "not needed any more")


@scene
def overlap(story: Story) -> None:
    """Two grants on one group, over two entitlements; either ends first."""
    first, second = ("20s", "50s") if story.chance.random() < 0.5 else ("50s", "20s")
    story.granted(duration=first)
    story.wait(story.chance.choice((0, 5, 19)))
    other = story.granted(duration=second, entitlement=ONCALL)
    if story.chance.random() < 0.3:
        story.end(other)
    story.wait(60)


@scene
def again(story: Story) -> None:
    """Asked for again as soon as it is over."""
    grant = story.granted(duration="2m")
    story.end(grant)
    story.wait(story.chance.choice((0, 1, 12)))
    story.granted(duration="20s")
    story.wait(30)


@scene
def extension(story: Story) -> None:
    """Extended while it lasts, then once more, undecided until the end."""
    grant = story.granted(duration="30s")
    story.wait(5)
    first = story.extend(grant, "40s")
    if first:
        story.press("tomas", ClickAction.APPROVE, first)
    story.wait(10)
    if story.chance.random() < 0.7:
        late = story.extend(grant, "30s")
        story.wait(80)
        if late and story.chance.random() < 0.5:
            story.press("priya", ClickAction.APPROVE, late)


@scene
def quorum(story: Story) -> None:
    """Two people have to agree; one of them presses twice."""
    request = story.ask("maya", "20s", PAYMENTS)
    story.approve("priya", request)
    story.press("priya", ClickAction.APPROVE, request)
    story.approve(story.chance.choice(("tomas", "cto")), request)
    story.press("tomas", ClickAction.APPROVE, request)
    story.wait(30)


@scene
def denied(story: Story) -> None:
    """An approver says no, and another one comes too late with a yes."""
    request = story.ask("maya")
    story.press("noah", ClickAction.APPROVE, request)
    story.press("tomas", ClickAction.DENY, request, "not today")
    story.press("priya", ClickAction.APPROVE, request)


@scene
def undecided(story: Story) -> None:
    """Nobody decides within a day; another request is withdrawn."""
    story.ask("maya")
    story.withdraw(story.ask("noah"))
    story.wait(timedelta(hours=24, minutes=1).total_seconds())


@scene
def two_at_once(story: Story) -> None:
    """Two approvers press at once, and two people hold the same at once."""
    request, other = story.ask("maya", "30s"), story.ask("noah", "25s")
    for who, which in (("priya", request), ("tomas", request), ("priya", other), ("tomas", other)):
        story.keep_press(who, ClickAction.APPROVE, which)
    story.work()
    story.wait(40)


# --- others at work ---------------------------------------------------------------------------------------------------


@scene
def standing_on_google(story: Story) -> None:
    """Somebody who is in the Google group already."""
    story.world.put("maya", "google")
    plain(story)


@scene
def standing_in_aws(story: Story) -> None:
    """Somebody who is in the Identity Center group already."""
    story.world.put("maya", "aws")
    overlap(story)


@scene
def standing_on_both(story: Story) -> None:
    """Somebody who is in both already; the groups may have been swept before."""
    story.world.put("maya", "google")
    story.world.put("maya", "aws")
    if story.chance.random() < 0.5:
        plan_sweeps(story)
    early_end(story)


@scene
def sync_race(story: Story) -> None:
    """A sync copies Google's members to AWS from what it read some time before."""
    sync = _Sync(story)
    for _ in range(3):
        begin = story.chance.uniform(0, 60)
        story.later(begin, sync.read)
        story.later(begin + story.chance.choice((0.2, 3, 12)), sync.write)
    story.granted(duration="25s")
    story.wait(_SYNC_S + 20)


@scene
def sync_between(story: Story) -> None:
    """A sync reads before some call of accessbot's, and writes before a later one."""
    sync = _Sync(story)
    first = story.chance.randrange(20, 200)
    last = first + story.chance.randrange(1, 60)
    before = story.world.watch.weather

    def weather(step: Step, done: bool) -> None:  # noqa: FBT001 - as the watch asks
        before(step, done)
        if not done and first <= step.place < last and sync.known is None:
            sync.read()
        if not done and step.place >= last and sync.known is not None:
            sync.write()

    story.world.watch.weather = weather
    grant = story.granted(duration="15s")
    story.wait(8)
    story.end(grant)


@scene
def put_back(story: Story) -> None:
    """Another tool brings the membership back after its end, on either side or on both."""
    story.granted(duration="10s")
    for side in story.chance.choice((("google",), ("aws",), ("aws", "google"))):
        story.later(story.chance.choice((12, 22, 65, 90)), partial(story.world.put, "maya", side))
    story.wait(15)


@scene
def taken_away(story: Story) -> None:
    """Another tool drops a membership while its grant lasts."""
    grant = story.granted(duration="50s")
    side = story.chance.choice(("google", "aws"))
    story.later(story.chance.choice((3, 9)), lambda: story.world.drop("maya", side))
    story.wait(30)
    if story.chance.random() < 0.5:
        story.end(grant)


@scene
def sweeps(story: Story) -> None:
    """Groups are swept, under any policy: standing members from before the first look, strangers from after it."""
    world = story.world
    world.catalog.now = replace(world.catalog.now, reconcile=story.chance.choice(("report", "remove", "adopt")))
    world.put("noah", "google")
    world.put("noah", story.chance.choice(("aws", "google")))
    plan_sweeps(story)
    story.granted(duration="40s")
    story.later(story.chance.choice((5, 50)), partial(world.put, "tomas", story.chance.choice(("google", "aws"))))
    story.later(60, partial(world.put, "maya", story.chance.choice(("google", "aws"))))
    story.wait(45)
    plan_sweeps(story)
    story.wait(50)
    story.granted("noah", "20s")
    story.wait(SWEEP_PERIOD.total_seconds())


@scene
def catalog_changes(story: Story) -> None:
    """The entitlement leads to another group, or to none, while somebody holds it and somebody else waits."""
    world = story.world
    waiting = story.ask("noah", "20s")
    story.granted(duration="25s")
    old = world.catalog.now
    moved = replace(old.entitlements[ADMIN], group="aws-payments-admin@example.com")
    world.catalog.publish(company.without(old, ADMIN) if story.chance.random() < 0.5 else company.having(old, moved))
    if story.chance.random() < 0.5:
        world.catalog.refresh()
    story.press("tomas", ClickAction.APPROVE, waiting)
    story.wait(40)


# --- trouble ----------------------------------------------------------------------------------------------------------


@scene
def cannot_be_given(story: Story) -> None:
    """A vendor refuses for good while access is prepared."""
    vendor = story.chance.choice((story.world.google, story.world.aws))
    name = vendor.vendor
    error = story.chance.choice(
        (
            NotAuthorised(name, "add", "It is not allowed."),
            Missing(name, "add", "There is no such user.", what="user"),
            Missing(name, "add", "There is no such group.", what="group"),
        )
    )
    request = story.ask("maya", "40s")
    vendor.fail("add", times=None, error=error, applied=story.chance.random() < 0.3)
    story.approve("priya", request)
    story.wait(20)
    vendor.recover()


@scene
def flaky(story: Story) -> None:
    """Both vendors fail now and then, before or after they did what they were asked for."""
    if story.chance.random() < 0.3:
        story.world.put("maya", story.chance.choice(("google", "aws")))
    story.trouble(120, share=0.25)
    story.granted(duration="40s")
    story.wait(60)


@scene
def standing_and_flaky(story: Story) -> None:
    """Somebody is a member already, which can seldom be read."""
    story.world.put("maya", story.chance.choice(("google", "aws")))
    request = story.ask("maya", "60s")
    story.trouble(50, share=1)
    story.press("priya", ClickAction.APPROVE, request)
    story.wait(80)


@scene
def vendor_away(story: Story) -> None:
    """A vendor is away when access is to be taken away."""
    story.granted(duration="20s")
    story.wait(story.chance.choice((1, 15)))
    story.trouble(story.chance.choice((40, 170)), whom=(story.chance.choice(("Google", "AWS")),), share=2)
    story.wait(60)


@scene
def ends_while_provisioning(story: Story) -> None:
    """A vendor is away while access is prepared, until its time is over or somebody ends it."""
    request = story.ask("maya", "20s")
    if story.chance.random() < 0.5:
        story.trouble(story.chance.choice((10, 35)), whom=(story.chance.choice(("Google", "AWS")),), share=2)
    else:
        story.world.aws.fail("add", times=None)
        story.later(35, story.world.aws.recover)
    grant = story.approve("priya", request)
    story.wait(story.chance.choice((2, 8)))
    if grant and story.chance.random() < 0.4:
        story.end(grant)
    elif grant and story.chance.random() < 0.5:
        story.press("tomas", ClickAction.REVOKE, grant)
    story.wait(40)


@scene
def slow_vendors(story: Story) -> None:
    """What a vendor was asked for is so only seconds later, though it answered at once."""
    world = story.world
    world.google.slow = timedelta(seconds=story.chance.choice((0, 0.5, 2, 5)))
    world.aws.slow = timedelta(seconds=story.chance.choice((0, 0.5, 2, 5)))
    grant = story.granted(duration="30s")
    story.wait(story.chance.choice((0, 4, 25)))
    if grant and story.chance.random() < 0.5:
        story.end(grant)
    story.wait(30)


@scene
def late_reads(story: Story) -> None:
    """Google still shows, for some reads, what was there before the last change."""
    story.world.google.lag = story.chance.choice((1, 2, 5, 9))
    if story.chance.random() < 0.3:
        story.world.put("maya", "google")
    story.granted(duration="20s")
    story.wait(30)


@scene
def slack_away(story: Story) -> None:
    """Slack fails now and then, or altogether, while access comes and goes."""
    story.trouble(60, whom=(SLACK,), share=story.chance.choice((0.5, 2)))
    story.granted(duration="30s")
    story.wait(50)


@scene
def on_call(story: Story) -> None:
    """A shift begins and ends; meanwhile it is swapped, moved, given back, or its feed fails."""
    rota.say(story, ("maya", 5, 45), ("noah", 45, 60))
    rota.offer(story, ADMIN)
    story.wait(story.chance.choice((6, 12)))
    match story.chance.randrange(5):
        case 0:
            rota.say(story, ("noah", 5, 60))
        case 1:
            rota.say(story, ("maya", 5, story.chance.choice((35, 70))), ("noah", 90, 100))
        case 2:
            for grant in story.grants():
                story.end(grant.id)
        case 3:
            rota.feeds(story).trouble = Rejected("the feed", "GET", "It is garbage.")
        case 4:
            story.trouble(25, whom=(SLACK,), share=2)
    story.wait(70)
    rota.offer(story)
    story.wait(70)


def plan_sweeps(story: Story) -> None:
    """Have every group looked at now, as clocks do once a day."""
    with story.world.watch.aside():
        ticking.plan_sweeps(story.world.ctx.store, replace(story.world.catalog.now, hash=story.new_id()))
    story.work()


class _Sync:
    """The customer's own job: it makes the Identity Center group what the Google group was when it was read."""

    def __init__(self, story: Story) -> None:
        self.world = story.world
        self.group = self.world.catalog.now.entitlements[ADMIN].group
        self.known: frozenset[str] | None = None

    def read(self) -> None:
        """Read the Google group."""
        self.known = self.world.google.emails(self.group)

    def write(self) -> None:
        """Make the AWS group what was read."""
        if self.known is None:
            return
        target = self.world.aws_groups[self.group]
        for name, user in self.world.aws_ids.items():
            if email(name) in self.known:
                self.world.aws.put(target, user)
            else:
                self.world.aws.drop(target, user)
        self.known = None
