"""A person of the workspace in Python: types, clicks, fills forms and reads, finding things by their labels."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from accessbot.sandbox.slack.controls import Control, Values, controls
from accessbot.sandbox.slack.door import Door, HttpDoor, LocalDoor
from accessbot.sandbox.slack.elements import flat_options
from accessbot.sandbox.slack.entries import Given, moment, person_id, pick, picks, several
from accessbot.sandbox.slack.errors import DeliveryFailed, UnknownThing
from accessbot.sandbox.slack.text import text_of, view_text
from accessbot.sandbox.slack.workspace import Workspace

Json = dict[str, Any]
Message = Json
Found = TypeVar("Found")

PATIENCE = 10.0
_GLANCE = 0.1


class NothingCameError(AssertionError):
    """What was waited for did not come in time; the message shows what was there instead."""


@dataclass(frozen=True)
class Outcome:
    """What became of a command or a click: how it was acknowledged, what was answered, or Slack's error."""

    ok: bool
    status: int | None = None
    error: str | None = None
    answers: list[Message] = field(default_factory=list)


class Actor:
    """One person; `Actor(workspace, "U01MAYA")` in process, `Actor("http://127.0.0.1:…", "U01MAYA")` over HTTP."""

    def __init__(self, workspace: Workspace | str | Door, user_id: str, channel: str = "general") -> None:
        """Sit down as this person, in this channel (a name or an id) unless told otherwise."""
        if isinstance(workspace, Workspace):
            self._door: Door = LocalDoor(workspace)
        elif isinstance(workspace, str):
            self._door = HttpDoor(workspace)
        else:
            self._door = workspace
        self.id = user_id
        self.channel = channel
        self._typed: dict[str, Values] = {}

    # What the person sees

    def state(self) -> Json:
        """Return everything the page would show."""
        return self._door.read("state", {"as": self.id})

    def names(self) -> dict[str, str]:
        """Return the names behind the ids of people, channels and user groups."""
        return _names(self.state())

    def messages(self, channel: str | None = None) -> list[Message]:
        """Return what everybody sees in a channel (a name or an id), oldest first, answers in threads too."""
        return [message for message in self._conversation(channel)["messages"] if not message["ephemeral"]]

    def replies(self, message: Message) -> list[Message]:
        """Return the answers in the thread of a message, oldest first."""
        there = self.messages(message["channel"])
        return [each for each in there if each.get("thread_ts") == message["ts"] != each["ts"]]

    def pings(self, channel: str | None = None) -> int:
        """Return how many messages not read yet are for this person, in one conversation or in all."""
        wanted = [self._conversation(channel)] if channel else self.state()["conversations"]
        return sum(each["pings"] for each in wanted)

    def ephemerals(self, channel: str | None = None) -> list[Message]:
        """Return the messages only this person sees, in one channel or everywhere, oldest first."""
        wanted = [self._conversation(channel)] if channel else self.state()["conversations"]
        mine = [message for each in wanted for message in each["messages"] if message["ephemeral"]]
        return sorted(mine, key=lambda message: str(message["ts"]))

    def dms(self) -> list[Message]:
        """Return the direct messages with the app, oldest first."""
        ims = (each for each in self.state()["conversations"] if each["kind"] == "im")
        return [message for each in ims for message in each["messages"] if not message["ephemeral"]]

    def dm_id(self) -> str:
        """Return the id of the direct messages with the app."""
        return str(self._conversation("dm")["id"])

    def read(self, message: Message) -> str:
        """Return a message as this person reads it, with names in the place of ids."""
        return text_of(message, self.names())

    def views(self) -> list[Json]:
        """Return the open forms, the last on top."""
        views: list[Json] = self.state()["views"]
        return views

    def open_view(self, timeout: float = PATIENCE) -> Json:
        """Wait for a form to be open and return the one on top."""
        return self.wait_for(lambda me: me.views(), timeout, "a form")[-1]

    def view_text(self) -> str:
        """Return the form on top as it reads."""
        return view_text(self._top()["view"], self.names())

    def wait_for(self, predicate: Callable[["Actor"], Found], timeout: float = PATIENCE, what: str = "it") -> Found:
        """Wait until `predicate(self)` gives something true, and return it.

        Raises:
            NothingCameError: it did not within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while True:
            seq = int(self.state()["seq"])
            found = predicate(self)
            if found:
                return found
            left = deadline - time.monotonic()
            if left <= 0:
                raise NothingCameError(f"{self.id} waited {timeout} s for {what}; there was:\n{self.screen()}")
            self._door.wait(seq, min(left, _GLANCE))

    def wait_for_message(self, channel: str, *words: str, timeout: float = PATIENCE) -> Message:
        """Wait for the newest message of a channel ("dm" for the app's direct messages) that has all these words."""

        def newest(me: "Actor") -> Message | None:
            there = me.dms() if channel == "dm" else me.messages(channel)
            fitting = [message for message in there if all(word in me.read(message) for word in words)]
            return fitting[-1] if fitting else None

        found = self.wait_for(newest, timeout, f"a message with {' and '.join(words)} in {channel}")
        if found is None:
            raise NothingCameError(f"no message with {words}")
        return found

    def wait_for_ephemeral(self, *words: str, timeout: float = PATIENCE) -> Message:
        """Wait for the newest message only this person sees that has all these words."""

        def newest(me: "Actor") -> Message | None:
            fitting = [message for message in me.ephemerals() if all(word in me.read(message) for word in words)]
            return fitting[-1] if fitting else None

        found = self.wait_for(newest, timeout, f"a private answer with {' and '.join(words)}")
        if found is None:
            raise NothingCameError(f"no private answer with {words}")
        return found

    def screen(self) -> str:
        """Return all that is on this person's screen, as text."""
        state = self.state()
        names = _names(state)
        lines: list[str] = []
        for each in state["conversations"]:
            lines += [f"#{each['name']}", *(f"  {text_of(message, names)}" for message in each["messages"])]
        for view in state["views"]:
            lines += ["form:", view_text(view["view"], names), *(f"  ! {text}" for text in view["errors"].values())]
        return "\n".join(lines)

    # What the person does

    def command(self, name: str, text: str = "", channel: str | None = None) -> Outcome:
        """Type a slash command and wait for its acknowledgement."""
        line = f"{name} {text}".strip()
        return self._try("command", {"channel": self._conversation(channel)["id"], "text": line})

    def say(self, text: str, channel: str | None = None) -> Message:
        """Write a plain message."""
        body = {"as": self.id, "channel": self._conversation(channel)["id"], "text": text}
        message: Message = self._door.write("message", body)["message"]
        return message

    def reply(self, message: Message, text: str) -> Message:
        """Answer in the thread of a message."""
        thread = message.get("thread_ts") or message["ts"]
        body = {"as": self.id, "channel": message["channel"], "text": text, "thread_ts": thread}
        answer: Message = self._door.write("message", body)["message"]
        return answer

    def click(self, message: Message, button: str, *, stale: bool = False) -> Outcome:
        """Press the button of a message that reads `button`; `stale` also when the message has changed since."""
        control = _named(_buttons(message["blocks"]), button, text_of(message))
        what = {"value": control.element.get("value"), "stale": stale}
        return self._try("action", _place(message) | _ids(control) | what)

    def choose(self, message: Message, option: str, menu: str | None = None) -> Outcome:
        """Choose an option of a menu in a message; `menu` is its placeholder or text, needed when there are several."""
        menus = [each for each in controls(message["blocks"]) if "option" in " ".join(each.element)]
        control = _named(menus, menu, text_of(message)) if menu else menus[0]
        picked = pick(list(flat_options(control.element)), option, control.label)
        return self._try("action", _place(message) | _ids(control) | {"selected_option": picked})

    def fill(self, answers: Mapping[str, Given]) -> None:
        """Fill the form on top: label of a control → what is entered there.

        That is a text; (a list of) an option by its text or value; of people by name, address or id; True or False for
        a single box to tick; a date, a time of day or an aware datetime. An empty text or list, or None, clears it.
        """
        view = self._top()
        typed = self._typed.setdefault(view["id"], {})
        for label, answer in answers.items():
            control = self._control(view, label)
            typed.setdefault(control.block_id, {})[control.action_id] = self._entry(view, control, answer)
            if control.dispatches:
                entry = typed[control.block_id][control.action_id]
                self._act_in_view(view, control, {key: value for key, value in entry.items() if key != "type"})

    def submit(self) -> dict[str, str]:
        """Submit the form on top; return the errors by label, empty when it was taken.

        Raises:
            DeliveryFailed: with what Slack shows when the app did not acknowledge.
        """
        view = self._top()
        body = {"as": self.id, "view_id": view["id"], "values": self._entered(view)}
        errors: dict[str, str] = self._door.write("submit", body)["errors"]
        if not errors:
            self._typed.pop(view["id"], None)
        labels = {control.block_id: control.label for control in controls(view["view"]["blocks"])}
        return {labels.get(block_id, block_id): text for block_id, text in errors.items()}

    def close(self) -> None:
        """Close the form on top."""
        self._door.write("close", {"as": self.id, "view_id": self._top()["id"]})

    def click_in_view(self, button: str) -> Outcome:
        """Press a button inside the form on top (not its submit button)."""
        view = self._top()
        control = _named(_buttons(view["view"]["blocks"]), button, self.view_text())
        return self._act_in_view(view, control, {"value": control.element.get("value")})

    def type_ahead(self, label: str, query: str) -> list[str]:
        """Type into a select of the form on top and return the texts of the options it shows."""
        view = self._top()
        return [str(option["text"]["text"]) for option in self._offers(view, self._control(view, label), query)]

    def see(self, channel: str | None = None) -> None:
        """Read a conversation to its end."""
        self._door.write("seen", {"as": self.id, "channel": self._conversation(channel)["id"]})

    def _try(self, verb: str, body: Json) -> Outcome:
        try:
            answer = self._door.write(verb, {"as": self.id, **body})
        except DeliveryFailed as error:
            return Outcome(ok=False, status=error.app_status, error=str(error))
        return Outcome(ok=True, status=answer.get("status"), answers=answer.get("answers", []))

    def _act_in_view(self, view: Json, control: Control, what: Json) -> Outcome:
        return self._try("action", {"view_id": view["id"], **_ids(control), **what, "values": self._entered(view)})

    def _entered(self, view: Json) -> Values:
        """Return what was entered into the controls the form still has."""
        typed = self._typed.get(view["id"], {})
        entered: Values = {}
        for control in controls(view["view"]["blocks"]):
            if control.action_id in typed.get(control.block_id, {}):
                entered.setdefault(control.block_id, {})[control.action_id] = typed[control.block_id][control.action_id]
        return entered

    def _top(self) -> Json:
        views = self.views()
        if not views:
            raise UnknownThing(f"{self.id} has no form open")
        return views[-1]

    def _conversation(self, channel: str | None) -> Json:
        wanted = channel or self.channel
        there: list[Json] = self.state()["conversations"]
        for each in there:
            if wanted in (each["id"], each["name"]) or (wanted == "dm" and each["kind"] == "im"):
                return each
        raise UnknownThing(f"{self.id} is not in {wanted}, only in {', '.join(each['name'] for each in there)}")

    def _control(self, view: Json, label: str) -> Control:
        holding = [control for control in controls(view["view"]["blocks"]) if control.holds]
        return _named(holding, label, view_text(view["view"]))

    def _entry(self, view: Json, control: Control, answer: Given) -> Json:
        picked: list[Any]
        if control.field in {"selected_option", "selected_options"}:
            picked = picks(answer, lambda text: self._offers(view, control, text), control.label)
        elif control.field in {"selected_user", "selected_users"}:
            picked = [person_id(self.state()["people"], name) for name in several(answer)]
        else:
            return {"type": control.kind, control.field: moment(control.field, answer)}
        many = control.field.endswith("s")
        return {"type": control.kind, control.field: picked if many else picked[0] if picked else None}

    def _offers(self, view: Json, control: Control, query: str) -> list[Json]:
        found = self._door.read("options", {"as": self.id, "view_id": view["id"], **_ids(control), "query": query})
        return list(flat_options(found))


def _buttons(blocks: list[Json]) -> list[Control]:
    return [control for control in controls(blocks) if control.kind == "button"]


def _ids(control: Control) -> Json:
    return {"block_id": control.block_id, "action_id": control.action_id}


def _place(message: Message) -> Json:
    return {"channel": message["channel"], "ts": message["ts"]}


def _named(there: list[Control], label: str, context: str) -> Control:
    for control in there:
        if control.label == label:
            return control
    labels = ", ".join(control.label for control in there) or "nothing"
    raise UnknownThing(f"nothing here is called {label}, only {labels}, in:\n{context}")


def _names(state: Json) -> dict[str, str]:
    named = {thing["id"]: thing["name"] for thing in (*state["people"], *state["conversations"])}
    return named | {group["id"]: group["handle"] for group in state["user_groups"]}
