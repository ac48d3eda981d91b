"""What the page (and `Actor`) asks of the workspace: plain dictionaries in and out."""

from collections.abc import Callable, Mapping
from typing import Any

from accessbot.sandbox.slack.delivery import Answer, Courier
from accessbot.sandbox.slack.desk import Desk
from accessbot.sandbox.slack.errors import Refused, SlackError, UnknownThing
from accessbot.sandbox.slack.people import Channel, Person
from accessbot.sandbox.slack.state import Message, State
from accessbot.sandbox.slack.views import View

Json = dict[str, Any]
AccessSource = Callable[[], Json]
FaultSwitch = Callable[[str, bool], None]
HandOver = Callable[[str, str | None], None]
GuideStep = Callable[[Mapping[str, Any]], Json]


def no_access() -> Json:
    """Return an empty access panel."""
    return {"groups": [], "faults": [], "now": None}


def no_faults(fault_id: str, on: bool) -> None:  # noqa: FBT001 - the shape of every fault switch
    """Refuse every fault.

    Raises:
        Refused: always.
    """
    raise Refused(f"there is no fault {fault_id} to switch {'on' if on else 'off'} here")


def no_hand_over(schedule: str, person: str | None) -> None:
    """Refuse every hand-over.

    Raises:
        Refused: always.
    """
    raise Refused(f"there is no schedule {schedule} to hand over to {person or 'nobody'} here")


def no_guide(_change: Mapping[str, Any]) -> Json:
    """Return a guide without steps."""
    return {"step": 0, "steps": [], "done": True}


class PageApi:
    """The verbs of `/sandbox/…`."""

    def __init__(
        self,
        state: State,
        desk: Desk,
        courier: Courier,
        *,
        access_source: AccessSource = no_access,
        fault_switch: FaultSwitch = no_faults,
        hand_over: HandOver = no_hand_over,
        guide: GuideStep = no_guide,
    ) -> None:
        """Act through `desk`; the four callables supply what does not belong to Slack."""
        self._state = state
        self._desk = desk
        self._courier = courier
        self._access_source = access_source
        self._fault_switch = fault_switch
        self._hand_over = hand_over
        self._guide = guide
        self.reads: dict[str, Callable[[Json], Json]] = {
            "state": self._whole,
            "options": self._options,
            "access": lambda _: self._access_source(),
        }
        self.writes: dict[str, Callable[[Json], Json]] = {
            "command": self._command,
            "message": self._message,
            "action": self._action,
            "submit": self._submit,
            "close": self._close,
            "seen": self._seen,
            "fault": self._fault,
            "oncall": self._on_call,
            "redeliver": self._redeliver,
            "guide": self._guide_step,
        }

    def read(self, verb: str, query: Json) -> Json:
        """Answer a GET.

        Raises:
            Refused: with the sentence and status to answer.
        """
        return _run(self.reads, verb, query)

    def write(self, verb: str, body: Json) -> Json:
        """Answer a POST.

        Raises:
            Refused: with the sentence and status to answer.
        """
        return _run(self.writes, verb, body)

    def _whole(self, query: Json) -> Json:
        somebody = next(person.id for person in self._state.people() if not person.is_bot)
        me = self._state.person(str(query.get("as") or somebody))
        access, guide = self._access_source(), self._guide({})
        with self._state.lock:
            cast = self._state.cast
            mine = [channel for channel in self._state.channels() if me.id in channel.members]
            home = self._state.views.home(me.id)
            return {
                "seq": self._state.pulse.seq,
                "team": {"id": cast.team_id, "name": cast.team_name, "domain": cast.team_domain},
                "me": me.id,
                "people": [self._person(person) for person in self._state.people() if not person.deleted],
                "user_groups": [
                    {"id": group.id, "handle": group.handle, "name": group.name, "members": group.members}
                    for group in cast.user_groups
                ],
                "conversations": [self._conversation(channel, me.id) for channel in mine],
                "views": [_view(view) for view in self._state.views.stack(me.id)],
                "home": _view(home) if home else None,
                "access": access,
                "guide": guide,
            }

    def _person(self, person: Person) -> Json:
        mine = [channel for channel in self._state.channels() if person.id in channel.members]
        return {
            "id": person.id,
            "name": person.name,
            "real_name": person.real_name,
            "email": person.email,
            "role": person.role,
            "about": person.about,
            "unread": 0 if person.is_bot else sum(self._state.unread(channel.id, person.id) for channel in mine),
            "pings": 0 if person.is_bot else sum(self._state.pings(channel.id, person.id) for channel in mine),
        }

    def _conversation(self, channel: Channel, me: str) -> Json:
        messages = [shown(message) for message in self._state.visible(channel.id, me)]
        conversation: Json = {
            "id": channel.id,
            "name": self._state.bot.name if channel.im_of == me else channel.name,
            "kind": "im" if channel.im_of else "channel",
            "topic": channel.topic,
            "unread": self._state.unread(channel.id, me),
            "pings": self._state.pings(channel.id, me),
            "first_unread": self._state.first_unread(channel.id, me),
            "messages": messages,
        }
        if channel.im_of:
            conversation["with"] = self._state.bot.id if channel.im_of == me else channel.im_of
        return conversation

    def _options(self, query: Json) -> Json:
        user, block_id, action_id = _text(query, "as"), _text(query, "block_id"), _text(query, "action_id")
        place: View | Message
        if query.get("view_id"):
            place = self._desk.view(user, _text(query, "view_id"))
        else:
            place = self._desk.message(user, _text(query, "channel"), _text(query, "ts"))
        return self._desk.options(user, place, block_id, action_id, str(query.get("query") or ""))

    def _command(self, body: Json) -> Json:
        answer, messages = self._desk.command(_text(body, "as"), _text(body, "channel"), _text(body, "text"))
        return {"ok": True, "status": answer.status, "answers": [shown(message) for message in messages]}

    def _message(self, body: Json) -> Json:
        thread_ts = _text(body, "thread_ts") if body.get("thread_ts") else None
        message = self._desk.say(_text(body, "as"), _text(body, "channel"), _text(body, "text"), thread_ts)
        return {"ok": True, "message": shown(message)}

    def _action(self, body: Json) -> Json:
        user = _text(body, "as")
        given = {**body, "value": body.get("value", body.get("text"))}
        if body.get("view_id"):
            return _answered(self._desk.press_in_view(user, _text(body, "view_id"), given))
        return _answered(self._desk.press_in_message(user, _text(body, "channel"), _text(body, "ts"), given))

    def _submit(self, body: Json) -> Json:
        values = body.get("values") or {}
        if not isinstance(values, dict) or not all(isinstance(actions, dict) for actions in values.values()):
            raise Refused("values must be an object of block ids, each with an object of action ids")
        closed, errors = self._desk.submit(_text(body, "as"), _text(body, "view_id"), values)
        return {"closed": closed, "errors": errors}

    def _close(self, body: Json) -> Json:
        self._desk.close(_text(body, "as"), _text(body, "view_id"))
        return {"ok": True}

    def _seen(self, body: Json) -> Json:
        self._state.see(self._state.channel(_text(body, "channel")).id, _text(body, "as"))
        return {"ok": True}

    def _fault(self, body: Json) -> Json:
        if not isinstance(body.get("on"), bool):
            raise Refused('say "on": true or false')
        self._fault_switch(_text(body, "id"), body["on"])
        self._state.pulse.touch()
        return {"ok": True}

    def _on_call(self, body: Json) -> Json:
        person = body.get("person")
        if person is not None and not isinstance(person, str):
            raise Refused('say "person": an address, or null for nobody')
        self._hand_over(_text(body, "schedule"), person)
        self._state.pulse.touch()
        return {"ok": True}

    def _redeliver(self, _body: Json) -> Json:
        return _answered(self._courier.redeliver())

    def _guide_step(self, body: Json) -> Json:
        guide = self._guide(body)
        self._state.pulse.touch()
        return guide


def shown(message: Message) -> Json:
    """Return a message as the page shows it."""
    view: Json = {
        "ts": message.ts,
        "channel": message.channel,
        "user": message.user,
        "bot": message.by_bot,
        "text": message.text,
        "blocks": message.blocks,
        "edited": message.edited_ts is not None,
        "ephemeral": message.only_for is not None,
    }
    if message.thread_ts:
        view["thread_ts"] = message.thread_ts
    return view


def _view(view: View) -> Json:
    return {"id": view.id, "view": view.content, "errors": view.errors, "busy": view.busy, "values": view.values}


def _answered(answer: Answer) -> Json:
    return {"ok": True, "status": answer.status}


def _text(body: Json, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Refused(f'"{name}" is missing')
    return value


def _run(verbs: dict[str, Callable[[Json], Json]], verb: str, body: Json) -> Json:
    run = verbs.get(verb)
    if run is None:
        raise UnknownThing(f"there is nothing called {verb} here")
    try:
        return run(body)
    except SlackError as error:
        raise UnknownThing(f"Slack says {error.code}") from error
