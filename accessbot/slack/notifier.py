"""The voice of accessbot in Slack: cards, direct messages, answers and alerts, sent with the real client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot import log
from accessbot.domain.errors import NotAuthorised, Rejected
from accessbot.domain.model import MessageRef
from accessbot.domain.notices import Tone
from accessbot.slack import alerts, cards, notices, reviews, threads
from accessbot.slack.blocks import Message
from accessbot.slack.failures import GONE_CHANNEL, GONE_MESSAGE, UNKNOWN_METHOD, naming
from accessbot.slack.place import Place
from accessbot.slack.text import sentence
from accessbot.slack.voice import direct, whisper

if TYPE_CHECKING:
    from accessbot.domain.model import Remark, Request
    from accessbot.domain.notices import Alert, Answer, Card, Notice, Nudge, ReviewCard
    from accessbot.slack.client import SlackClient

_log = log.get("accessbot.slack.notifier")

_MARKS = {Tone.DONE: ":white_check_mark:", Tone.NOT_NOW: ":hourglass_flowing_sand:", Tone.REFUSED: ":no_entry:"}


class SlackNotifier:
    """Sends what it is given; `Unavailable` means "later", every other `VendorError` "not like this"."""

    def __init__(self, client: SlackClient, approvals_channel: str, alerts_channel: str) -> None:
        """Post cards to one channel and alerts to another (channel ids)."""
        self._client = client
        self._approvals = approvals_channel
        self._alerts = alerts_channel

    def show_card(self, card: Card, refs: tuple[MessageRef, ...]) -> tuple[MessageRef, ...]:
        """Post the approvers' message, or bring every copy up to date; give all copies that exist now."""
        return self._show(self._approvals, cards.render(card), refs)

    def nudge(self, nudge: Nudge, refs: tuple[MessageRef, ...]) -> None:
        """Ping people in the thread of a card's first copy."""
        self._reply(refs, threads.nudge(nudge))

    def remark(self, request: Request, remark: Remark, refs: tuple[MessageRef, ...]) -> None:
        """Write a question or an answer into the thread of a card's first copy."""
        self._reply(refs, threads.remark(request, remark))

    def show_review(self, card: ReviewCard, refs: tuple[MessageRef, ...]) -> tuple[MessageRef, ...]:
        """Post the message about an emergency to the operators' channel, or bring every copy up to date."""
        return self._show(self._alerts, reviews.render(card), refs)

    def remind_review(self, card: ReviewCard, refs: tuple[MessageRef, ...]) -> None:
        """Ping the owners in the thread of that message."""
        self._reply(refs, threads.review_reminder(card))

    def tell(self, person: str, notice: Notice) -> None:
        """Write to a person directly."""
        direct(self._client, person, notices.render(notice))

    def answer(self, person: str, answer: Answer, answer_to: str) -> None:
        """Answer a press to that person alone, where they pressed; directly if that place is gone."""
        place, _ = Place.unpack(answer_to)
        whisper(self._client, person, place, Message(f"{_MARKS[answer.tone]} {sentence(answer.sentence)}", []))

    def alert(self, alert: Alert, refs: tuple[MessageRef, ...]) -> tuple[MessageRef, ...]:
        """Post to the operators' channel, or bring the message up to date; nothing is posted about what is over."""
        if alert.resolved and not refs:
            return ()
        return self._show(self._alerts, alerts.render(alert), refs)

    def _reply(self, refs: tuple[MessageRef, ...], message: Message) -> None:
        """Write below the first copy of a message; beside it where there is no thread to write into."""
        if not refs:
            return
        try:
            self._post(refs[0].channel, message, thread=refs[0].ts)
        except Rejected as error:
            if error.code not in GONE_MESSAGE:
                raise
            _log.info("the thread is gone, posting beside it", code=error.code)
            self._post(refs[0].channel, message)

    def _show(self, channel: str, message: Message, refs: tuple[MessageRef, ...]) -> tuple[MessageRef, ...]:
        if not refs:
            return (self._post(channel, message),)
        return tuple(self._update(channel, ref, message) for ref in refs)

    def _post(self, channel: str, message: Message, thread: str = "") -> MessageRef:
        with naming("chat.postMessage"):
            posted = self._client.chat_postMessage(
                channel=channel,
                text=message.text,
                blocks=message.blocks,
                thread_ts=thread or None,
                unfurl_links=False,
                unfurl_media=False,
            )
            return MessageRef(channel=str(posted["channel"]), ts=str(posted["ts"]))

    def _update(self, channel: str, ref: MessageRef, message: Message) -> MessageRef:
        try:
            with naming("chat.update"):
                self._client.chat_update(channel=ref.channel, ts=ref.ts, text=message.text, blocks=message.blocks)
        except (Rejected, NotAuthorised) as error:
            moved = ref.channel != channel and error.code in GONE_CHANNEL
            if error.code not in GONE_MESSAGE and error.code != UNKNOWN_METHOD and not moved:
                raise
            _log.info("the message cannot be changed any more, posting it anew", code=error.code)
            return self._post(channel, message)
        return ref
