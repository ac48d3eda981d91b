"""What is in the workspace: conversations, messages and who has seen them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from accessbot.sandbox.slack.controls import Values
from accessbot.sandbox.slack.errors import SlackError
from accessbot.sandbox.slack.mentions import mentioned
from accessbot.sandbox.slack.people import Cast, Channel, Person, UserGroup
from accessbot.sandbox.slack.pulse import Pulse
from accessbot.sandbox.slack.tickets import TRIGGER_SECONDS, Tickets
from accessbot.sandbox.slack.views import Views

Json = dict[str, Any]

APP_ID = "A01ACCESSBOT"
BOT_ID = "B01ACCESSBOT"


@dataclass
class Message:
    """One message; an ephemeral one is for one person's eyes."""

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    by_bot: bool = False
    only_for: str | None = None
    thread_ts: str | None = None
    pings: frozenset[str] = frozenset()
    edited_ts: str | None = None
    past: list[list[Json]] = field(default_factory=list)
    entered: dict[str, Values] = field(default_factory=dict)
    offered: dict[tuple[str, str], list[Json]] = field(default_factory=dict)

    def to_slack(self, team_id: str) -> Json:
        """Return the message object of the Web API and of interaction payloads."""
        message: Json = {"type": "message", "user": self.user, "ts": self.ts, "text": self.text, "team": team_id}
        if self.by_bot:
            message |= {"bot_id": BOT_ID, "app_id": APP_ID}
        if self.blocks:
            message["blocks"] = self.blocks
        if self.thread_ts:
            message["thread_ts"] = self.thread_ts
        if self.edited_ts:
            message["edited"] = {"user": self.user, "ts": self.edited_ts}
        return message


class State:
    """Everything a workspace remembers. All of it is guarded by `pulse.lock`."""

    def __init__(self, cast: Cast, pulse: Pulse, trigger_seconds: float = TRIGGER_SECONDS) -> None:
        """Open the workspace with its cast, and a direct-message channel between the app and each colleague."""
        self.cast = cast
        self.pulse = pulse
        self.tickets = Tickets(pulse, trigger_seconds)
        self.views = Views(pulse)
        self.warnings: list[str] = []
        self.bot = cast.bot
        self._people = {person.id: person for person in cast.people}
        self._channels = {channel.id: channel for channel in cast.channels}
        self._messages: dict[str, list[Message]] = {}
        self._seen: dict[tuple[str, str], str] = {}
        self._threads: dict[tuple[str, str], set[str]] = {}  # (channel, ts of the first message) -> who wrote in it
        for person in cast.people:
            if not person.is_bot and person.team_id == cast.team_id:
                self.im_of(person)

    @property
    def lock(self) -> Any:  # noqa: ANN401 - threading.RLock is a factory, its type has no public name
        """Return the lock that guards everything here."""
        return self.pulse.lock

    def people(self) -> list[Person]:
        """Return everybody, the app included."""
        return list(self._people.values())

    def person(self, user_id: str, code: str = "user_not_found") -> Person:
        """Return a person.

        Raises:
            SlackError: with `code`, when there is none of this id.
        """
        person = self._people.get(user_id)
        if person is None:
            raise SlackError(code)
        return person

    def edit(self, user_id: str, change: Callable[[Person], None]) -> None:
        """Change a person's account (deactivate it, unconfirm the email, …)."""
        with self.lock:
            change(self.person(user_id))
            self.pulse.touch()

    def user_group(self, group_id: str) -> UserGroup:
        """Return a user group.

        Raises:
            SlackError: `no_such_subteam`.
        """
        for group in self.cast.user_groups:
            if group.id == group_id:
                return group
        raise SlackError("no_such_subteam")

    def channels(self) -> list[Channel]:
        """Return all conversations, direct ones included."""
        with self.lock:
            return list(self._channels.values())

    def channel(self, channel_id: str) -> Channel:
        """Return a conversation.

        Raises:
            SlackError: `channel_not_found`.
        """
        channel = self._channels.get(channel_id)
        if channel is None:
            raise SlackError("channel_not_found")
        return channel

    def im_of(self, person: Person) -> Channel:
        """Return the direct messages between the app and a person, opened when they were not."""
        with self.lock:
            channel_id = f"D{person.id[1:]}"
            if channel_id not in self._channels:
                self._channels[channel_id] = Channel(
                    id=channel_id, name=person.name, members=[self.bot.id, person.id], im_of=person.id, private=True
                )
            return self._channels[channel_id]

    def post(self, message: Message) -> Message:
        """Add a message, ping whom it mentions, and warn, for tests, of a fallback text that is missing.

        An answer to an answer goes into the same thread. Who is mentioned by a later edit is not pinged, as in Slack.
        """
        with self.lock:
            root = self.find(message.channel, message.thread_ts) if message.thread_ts else None
            if root is not None:
                message.thread_ts = root.thread_ts or root.ts
                first = self.find(message.channel, message.thread_ts) or root
                self._threads.setdefault((message.channel, first.ts), {first.user}).add(message.user)
            members = self.channel(message.channel).members if message.channel in self._channels else []
            around = members if message.only_for is None else [message.only_for]
            message.pings = mentioned(message.text, message.blocks, around, self.cast.user_groups) - {message.user}
            if message.blocks and not message.text.strip():
                self.warnings.append(f"message {message.ts} in {message.channel} has blocks but no text as a fallback")
            self._messages.setdefault(message.channel, []).append(message)
            if not message.by_bot:
                self._seen[message.user, message.channel] = message.ts
            self.pulse.touch()
            return message

    def new_message(self, channel: str, user: str, text: str, blocks: list[Json] | None = None) -> Message:
        """Make a message with the next timestamp; `post` adds it."""
        return Message(channel, self.pulse.ts(), user, text, blocks or [], by_bot=user == self.bot.id)

    def find(self, channel: str, ts: str) -> Message | None:
        """Return a message by its place."""
        with self.lock:
            return next((message for message in self._messages.get(channel, ()) if message.ts == ts), None)

    def change(self, message: Message, text: str, blocks: list[Json]) -> None:
        """Replace what a message shows."""
        with self.lock:
            message.past.append(message.blocks)
            message.text, message.blocks = text, blocks
            if not blocks:
                message.edited_ts = self.pulse.ts()  # Slack shows no "(edited)" on a message made of blocks
            if blocks and not text.strip():
                self.warnings.append(f"message {message.ts} in {message.channel} was updated without a fallback text")
            self.pulse.touch()

    def remove(self, message: Message) -> None:
        """Delete a message."""
        with self.lock:
            self._messages[message.channel].remove(message)
            self.pulse.touch()

    def visible(self, channel: str, user: str) -> list[Message]:
        """Return the messages of a conversation a person sees, oldest first."""
        with self.lock:
            return [m for m in self._messages.get(channel, ()) if m.only_for in (None, user)]

    def replies(self, message: Message) -> list[Message]:
        """Return what everybody sees of the answers in a message's thread, oldest first."""
        with self.lock:
            if (message.channel, message.ts) not in self._threads:
                return []
            there = self._messages.get(message.channel, ())
            return [m for m in there if m.thread_ts == message.ts and m is not message and m.only_for is None]

    def unread(self, channel: str, user: str) -> int:
        """Return how many messages of others a person has not seen yet, threads they have no part in aside."""
        with self.lock:
            return len(self._unseen(channel, user))

    def first_unread(self, channel: str, user: str) -> str | None:
        """Return the timestamp of the oldest of those, None when there is none."""
        with self.lock:
            return next((message.ts for message in self._unseen(channel, user)), None)

    def pings(self, channel: str, user: str) -> int:
        """Return how many of those are for this person: direct messages, and those that mention them."""
        with self.lock:
            unseen = self._unseen(channel, user)
            return len(unseen) if self.channel(channel).im_of else sum(user in m.pings for m in unseen)

    def see(self, channel: str, user: str) -> None:
        """Note that a person has read a conversation to its end."""
        with self.lock:
            if self.unread(channel, user):
                self._seen[user, channel] = self.pulse.ts()
                self.pulse.touch()

    def _unseen(self, channel: str, user: str) -> list[Message]:
        seen = self._seen.get((user, channel), "")
        return [m for m in self.visible(channel, user) if m.ts > seen and m.user != user and self._concerns(m, user)]

    def _concerns(self, message: Message, user: str) -> bool:
        """Tell whether Slack shows a message as unread: an answer in a thread only to those who have a part in it."""
        if not message.thread_ts or self.channel(message.channel).im_of:
            return True
        writers = self._threads.get((message.channel, message.thread_ts))
        return writers is None or user in writers or user in message.pings or message.only_for == user
