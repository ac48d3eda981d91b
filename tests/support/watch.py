"""Every call that a process makes, one by one: tests look in before each, make it fail, or kill the process there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import redis

from accessbot.adapters.redis_client import Caller, Effect
from accessbot.adapters.redis_store import RedisStore
from accessbot.domain.errors import VendorError
from accessbot.domain.model import MessageRef, Remark, Request, SlackPerson
from accessbot.domain.notices import Alert, Answer, Card, Notice, Nudge, ReviewCard
from accessbot.domain.work import Lane, Work
from tests.fakes.vendors import FakeDirectory, FakeIdentityCenter
from tests.support.journal import Journal
from tests.support.ports import FakeWorkspace, PlayedQueue, RecordingNotifier

Value = TypeVar("Value")

PATIENCE = timedelta(seconds=2)
STORE, SLACK, QUEUE = "store", "Slack", "queue"
VENDORS = (FakeDirectory.vendor, FakeIdentityCenter.vendor)
WRITES = {"add": True, "remove": False}
"""The calls that ask a vendor for a change, and whether the membership is there afterwards."""


class Killed(BaseException):
    """The process is gone: like a signal, no handler of errors sees it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call: to whom, which, and the how-manieth of those that count."""

    whom: str
    method: str
    args: tuple[object, ...]
    place: int


@dataclass(slots=True)
class Watch:
    """Sees every call that leaves the process; `counted` says which of them are counted.

    `before` and `after` are asked at each counted call; what they raise, the call raises. A process that was killed
    can make no call at all any more, not even one that tidies up, until it is `revived`. Calls to Slack and to the
    queue count only if the watch is `wide`. `weather` is asked at every call, before and after it took effect, and what
    it raises the call raises too: it outlasts the process.
    """

    counted: Callable[[Step], bool] = lambda _: True
    before: Callable[[Step], None] = lambda _: None
    after: Callable[[Step], None] = lambda _: None
    weather: Callable[[Step, bool], None] = lambda *_: None
    wide: bool = False
    count: int = 0
    dead: bool = False
    steps: list[Step] = field(default_factory=list)
    _aside: int = 0

    def kill(self) -> None:
        """Kill the process that makes the present call."""
        self.dead = True
        raise Killed

    def revive(self) -> None:
        """Start a new process, that nothing happens to."""
        self.dead = False
        self.rest()

    def rest(self) -> None:
        """Let calls pass again."""
        self.before = self.after = lambda _: None

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let somebody else make the calls of this block, whose calls are neither counted nor struck."""
        self._aside += 1
        try:
            yield
        finally:
            self._aside -= 1

    def around(self, whom: str, method: str, args: tuple[object, ...], do: Callable[[], Value]) -> Value:
        """Make a call under watch."""
        if self.dead and not self._aside:
            raise Killed
        step = Step(whom, method, args, self.count)
        counts = not self._aside and (self.wide or whom in (STORE, *VENDORS)) and self.counted(step)
        if counts:
            self.count += 1
            self.steps.append(step)
            self.before(step)
        self.weather(step, False)  # noqa: FBT003 - not done yet
        answer = do()
        self.weather(step, True)  # noqa: FBT003 - done
        if counts:
            self.after(step)
        return answer

    def fail_at(self, place: int, error: VendorError, *, applied: bool = False) -> None:
        """Let the counted call of that place fail, before or after it took effect."""

        def strike(step: Step) -> None:
            if step.place == place:
                raise error

        if applied:
            self.after = strike
        else:
            self.before = strike


class WatchedStore(RedisStore):
    """The real store, each of its round trips under watch."""

    def __init__(self, client: redis.Redis, watch: Watch) -> None:
        super().__init__(client, patience=PATIENCE)
        self._caller = _WatchedCaller(client, watch)


class _WatchedCaller(Caller):
    def __init__(self, client: redis.Redis, watch: Watch) -> None:
        super().__init__(client, PATIENCE)
        self._watch = watch

    def call(self, do: Callable[[redis.Redis], Value], effect: Effect = Effect.NONE) -> Value:
        """Make one round trip."""
        return self._watch.around(STORE, effect.value, (), lambda: super(_WatchedCaller, self).call(do, effect))


class WatchedDirectory(FakeDirectory):
    """The fake Google, each call under watch and each change in the journal.

    What it was asked to change is so only after `slow`, though it answers at once.
    """

    def __init__(self, watch: Watch, journal: Journal) -> None:
        super().__init__()
        self.slow = timedelta(0)
        self._watch = watch
        self._journal = journal

    def put(self, group: str, key: str) -> None:
        """Make somebody a direct member."""
        with self._journal.shifting("google", group.casefold(), self.id_of(key), self._has):
            super().put(group, key)

    def drop(self, group: str, key: str) -> None:
        """Take a direct membership away."""
        with self._journal.shifting("google", group.casefold(), self.id_of(key), self._has):
            super().drop(group, key)

    def emails(self, group: str) -> frozenset[str]:
        """Give the addresses of the true direct members."""
        self._journal.catch_up()
        return super().emails(group)

    def ids(self, group: str) -> frozenset[str]:
        """Give the ids of the true direct members."""
        self._journal.catch_up()
        return frozenset(self._groups[group.casefold()])

    def _call(self, method: str, args: tuple[object, ...], work: Callable[[], Value]) -> Value:
        def do() -> Value:
            self._journal.catch_up()
            if method not in WRITES:
                return super(WatchedDirectory, self)._call(method, args, work)
            group, user = str(args[0]).casefold(), str(args[1])
            self._journal.asked("google", group, user, adds=WRITES[method])

            def change() -> Value:
                with self._journal.ours():
                    return work()

            def later() -> Value:
                self._group(group)
                return self._journal.later(self.slow, change)

            return super(WatchedDirectory, self)._call(method, args, later if self.slow else change)

        return self._watch.around(self.vendor, method, args, do)

    def id_of(self, key: str) -> str:
        """Give the id that belongs to an address."""
        return self._names.get(key.casefold(), key)

    def _has(self, group: str, user: str) -> bool:
        return user in self._groups.get(group, {})


class WatchedIdentityCenter(FakeIdentityCenter):
    """The fake Identity Center, each call under watch and each change in the journal; `slow` as at Google."""

    def __init__(self, watch: Watch, journal: Journal) -> None:
        super().__init__()
        self.slow = timedelta(0)
        self._watch = watch
        self._journal = journal

    def put(self, group_id: str, user_id: str) -> None:
        """Put a user into a group."""
        with self._journal.shifting("aws", group_id, user_id, self._has):
            super().put(group_id, user_id)

    def drop(self, group_id: str, user_id: str) -> None:
        """Take a user out of a group."""
        with self._journal.shifting("aws", group_id, user_id, self._has):
            super().drop(group_id, user_id)

    def inside(self, group_id: str) -> frozenset[str]:
        """Give the true members of a group."""
        self._journal.catch_up()
        return super().inside(group_id)

    def _call(self, method: str, args: tuple[object, ...], work: Callable[[], Value]) -> Value:
        def do() -> Value:
            self._journal.catch_up()
            if method not in WRITES:
                return super(WatchedIdentityCenter, self)._call(method, args, work)
            group, user = str(args[0]), str(args[1])
            self._journal.asked("aws", group, user, adds=WRITES[method])

            def change() -> Value:
                with self._journal.ours(), self._journal.shifting("aws", group, user, self._has):
                    return work()

            def later() -> Value:
                self._group(group)
                return self._journal.later(self.slow, change)

            return super(WatchedIdentityCenter, self)._call(method, args, later if self.slow else change)

        return self._watch.around(self.vendor, method, args, do)

    def _has(self, group: str, user: str) -> bool:
        return user in self._members.get(group, set())


@dataclass(slots=True)
class WatchedNotifier(RecordingNotifier):
    """The voice, each word of it under watch and in the journal."""

    watch: Watch = field(kw_only=True)
    journal: Journal = field(kw_only=True)

    def show_card(self, card: Card, refs: tuple[MessageRef, ...]) -> tuple[MessageRef, ...]:
        """Keep a card."""
        do = lambda: RecordingNotifier.show_card(self, card, refs)  # noqa: E731 - one call, told apart by its place
        return self.watch.around(SLACK, "show_card", (card.request.id,), do)

    def nudge(self, nudge: Nudge, refs: tuple[MessageRef, ...]) -> None:
        """Keep a ping."""
        do = lambda: RecordingNotifier.nudge(self, nudge, refs)  # noqa: E731 - as above
        self.watch.around(SLACK, "nudge", (nudge.request.id,), do)

    def remark(self, request: Request, remark: Remark, refs: tuple[MessageRef, ...]) -> None:
        """Keep what was said about a request."""
        do = lambda: RecordingNotifier.remark(self, request, remark, refs)  # noqa: E731 - as above
        self.watch.around(SLACK, "remark", (request.id,), do)

    def show_review(self, card: ReviewCard, refs: tuple[MessageRef, ...]) -> tuple[MessageRef, ...]:
        """Keep the message about an emergency."""
        do = lambda: RecordingNotifier.show_review(self, card, refs)  # noqa: E731 - as above
        return self.watch.around(SLACK, "show_review", (card.review.id,), do)

    def remind_review(self, card: ReviewCard, refs: tuple[MessageRef, ...]) -> None:
        """Keep a reminder."""
        do = lambda: RecordingNotifier.remind_review(self, card, refs)  # noqa: E731 - as above
        self.watch.around(SLACK, "remind_review", (card.review.id,), do)

    def tell(self, person: str, notice: Notice) -> None:
        """Keep a direct message."""
        self._say(
            "tell", person, str(notice.kind), notice.request.id, lambda: RecordingNotifier.tell(self, person, notice)
        )

    def answer(self, person: str, answer: Answer, answer_to: str) -> None:
        """Keep an answer."""
        do = lambda: RecordingNotifier.answer(self, person, answer, answer_to)  # noqa: E731 - as above
        self._say("answer", person, "answer", answer.sentence, do)

    def alert(self, alert: Alert, refs: tuple[MessageRef, ...]) -> tuple[MessageRef, ...]:
        """Keep an alert."""
        do = lambda: RecordingNotifier.alert(self, alert, refs)  # noqa: E731 - as above
        return self._say("alert", "", str(alert.kind), alert.subject, do)

    def _say(self, method: str, person: str, kind: str, subject: str, do: Callable[[], Value]) -> Value:
        def said() -> Value:
            answer = do()
            self.journal.say(person, kind, subject)
            return answer

        try:
            return self.watch.around(SLACK, method, (kind, subject), said)
        except BaseException:
            self.journal.lose_track()  # whether or not it was said, whoever said it does not know
            raise


@dataclass(slots=True)
class WatchedWorkspace(FakeWorkspace):
    """Slack's word on who somebody is, each look-up under watch."""

    watch: Watch = field(kw_only=True)

    def person(self, slack_id: str) -> SlackPerson:
        """Look a person up."""
        return self.watch.around(SLACK, "person", (slack_id,), lambda: FakeWorkspace.person(self, slack_id))

    def by_email(self, email: str) -> SlackPerson:
        """Find a person by their address."""
        return self.watch.around(SLACK, "by_email", (email,), lambda: FakeWorkspace.by_email(self, email))

    def usergroup(self, usergroup: str) -> frozenset[str]:
        """List a user group."""
        return self.watch.around(SLACK, "usergroup", (usergroup,), lambda: FakeWorkspace.usergroup(self, usergroup))


@dataclass(slots=True)
class WatchedQueue(PlayedQueue):
    """The queue, each push under watch; what workers take from it is no call of theirs."""

    watch: Watch = field(kw_only=True)

    def push(self, work: Work) -> None:
        """Take a work."""
        self.watch.around(QUEUE, "push", (str(work),), lambda: PlayedQueue.push(self, work))

    def waiting(self, lane: Lane) -> int:
        """Count what waits."""
        return self.watch.around(QUEUE, "waiting", (str(lane),), lambda: PlayedQueue.waiting(self, lane))
