"""What stands around every listener: nothing escapes, everybody gets a sentence, and only that person reads it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from accessbot import log
from accessbot.domain.errors import FieldRefused, Refused, StoreUnavailable, Unclear
from accessbot.slack import ids
from accessbot.slack.blocks import Message
from accessbot.slack.delivery import Delivery, Kind, Malformed, read_delivery
from accessbot.slack.filled import read_filled
from accessbot.slack.forms import notice_view
from accessbot.slack.text import sentence, without_mentions

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from slack_bolt import Ack
    from slack_bolt.request import BoltRequest

    from accessbot.slack.blocks import Json
    from accessbot.slack.people import OwnTeam


_log = log.get("accessbot.slack")

NOT_NOW = "Not now: accessbot cannot reach its memory. Nothing was changed; try again in a minute."
UNCLEAR = "That could not be confirmed. Press again; nothing happens twice."
OTHER_TEAM = "accessbot is for members of its own workspace only."
_PENDING_LIMIT = 500
_CONTROLS = {"delegate": ids.TO, "begins": ids.FROM, "ends": ids.UNTIL}
"""Fields that the verbs name otherwise than the forms do."""


class Replayed(Exception):
    """The same delivery was seen before: it is acknowledged, and nothing happens."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a listener wants answered: the acknowledgement's body, and what to do once it is on its way."""

    ack: str | Json = ""
    later: tuple[Callable[[], None], ...] = ()


class Afterwards:
    """Runs what need not be waited for, beside the answer; what fails is logged, never shown as a failed press."""

    def __init__(self, threads: int = 4) -> None:
        """Start no thread before there is something to do."""
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="slack-later")
        self._room = BoundedSemaphore(_PENDING_LIMIT)

    def __call__(self, later: Callable[[], None]) -> None:
        """Run it soon; when far too much is waiting already it is dropped, and that is logged."""
        if not self._room.acquire(blocking=False):
            _log.warning("too many answers are waiting, one is dropped")
            return
        self._threads.submit(self._run, later)

    def close(self) -> None:
        """Finish what waits and end the threads."""
        self._threads.shutdown(wait=True)

    def _run(self, later: Callable[[], None]) -> None:
        try:
            later()
        except Exception:  # noqa: BLE001 - logged with its traceback
            # This is the last frame of the thread: nobody above could log it.
            _log.exception("an answer after the acknowledgement failed")
        finally:
            self._room.release()


class Guard:
    """Turns a handler into a Bolt listener that always acknowledges, exactly once, as the last thing it does."""

    def __init__(
        self,
        team: OwnTeam,
        whisper: Callable[[Delivery, Message], None],
        afterwards: Callable[[Callable[[], None]], None],
        in_time: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Compare workspaces with `team`, speak to one person by `whisper`, do the rest by `afterwards`.

        All calls to the store for one delivery are made inside one `in_time()`, which bounds them together.
        """
        self._in_time = in_time
        self._team = team
        self._whisper = whisper
        self._afterwards = afterwards

    def __call__(self, action: str, handler: Callable[[Delivery], Reply]) -> Callable[[Ack, BoltRequest], None]:
        """Wrap a handler; `action` is its name in the log."""

        def listener(ack: Ack, req: BoltRequest) -> None:
            try:
                delivery = read_delivery(req)
            except Malformed as error:
                _log.warning("a delivery was malformed", action=action)
                ack(error.sentence)
                return
            with log.bound(actor=delivery.person, action=action):
                reply = self._answer(delivery, handler)
                ack(reply.ack)
            for later in reply.later:
                self._afterwards(later)

        listener.__name__ = f"on_{action.replace('.', '_')}"
        return listener

    def _answer(  # noqa: PLR0911 - one answer per outcome, read from top to bottom
        self, delivery: Delivery, handler: Callable[[Delivery], Reply]
    ) -> Reply:
        try:
            known = self._team.known
            if not known and self._team.is_due:
                self._afterwards(self._team.learn)
            if known and delivery.team != known:
                _log.warning("a delivery came from another workspace", team=delivery.team)
                return self._tell(delivery, OTHER_TEAM)
            with self._in_time():
                return handler(delivery)
        except Replayed:
            _log.info("a delivery came twice, the second one does nothing")
            return Reply()
        except FieldRefused as error:
            return self._tell(delivery, error.sentence, error.field)
        except Refused as error:
            return self._tell(delivery, error.sentence)
        except StoreUnavailable as error:
            _log.warning("the store did not answer", error=error.sentence)
            return self._tell(delivery, NOT_NOW)
        except Unclear as error:
            _log.warning("a write was not confirmed", error=error.sentence)
            return self._tell(delivery, UNCLEAR)
        except Exception:  # noqa: BLE001 - logged with its traceback, and converted
            # A defect: the person gets a reference, the log has it with the traceback, Slack gets its answer.
            reference = log.reference()
            _log.exception("a listener failed", reference=reference)
            return self._tell(delivery, f"Something went wrong in accessbot. Tell your administrators: {reference}.")

    def _tell(self, delivery: Delivery, words: str, form_field: str = "") -> Reply:
        match delivery.kind:
            case Kind.COMMAND:
                return Reply({"response_type": "ephemeral", "text": sentence(words)})
            case Kind.SUBMISSION:
                return Reply(_form_error(delivery, without_mentions(words), form_field))
            case Kind.OPTIONS:
                return Reply({"options": []})
            case _:
                said = Message(sentence(words), [])
                return Reply(later=(lambda: self._whisper(delivery, said),))


def _form_error(delivery: Delivery, words: str, form_field: str) -> Json:
    """Put a sentence on the field it belongs to, else on the last one, which stands next to the button."""
    blocks = read_filled(delivery.view).blocks
    block = (
        blocks.get(_CONTROLS.get(form_field, form_field))
        or blocks.get(ids.REASON)
        or next(reversed(blocks.values()), "")
    )
    if block:
        return {"response_action": "errors", "errors": {block: words}}
    return {"response_action": "update", "view": notice_view("accessbot", words)}
