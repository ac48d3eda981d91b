"""What a person does in the Slack client, and what Slack makes of it."""

import json
from collections.abc import Iterable
from typing import Any

from accessbot.sandbox.slack.controls import Control, Values, cleaned, controls, find_control, mistake
from accessbot.sandbox.slack.delivery import COMMAND, INTERACTIVE, TIMED_OUT, UNREACHABLE, Answer, Courier
from accessbot.sandbox.slack.elements import DEFAULT_MIN_QUERY, flat_options, same_option
from accessbot.sandbox.slack.errors import DeliveryFailed, Refused, SlackError, UnknownThing
from accessbot.sandbox.slack.limits import check_suggestions, check_view
from accessbot.sandbox.slack.messages import answer_command
from accessbot.sandbox.slack.payloads import Payloads, action_of
from accessbot.sandbox.slack.people import Channel, Person
from accessbot.sandbox.slack.state import Message, State
from accessbot.sandbox.slack.views import View

Json = dict[str, Any]

TROUBLE = "We had some trouble connecting. Try again?"


class Desk:
    """The hands of everybody in the workspace."""

    def __init__(self, state: State, courier: Courier, payloads: Payloads, commands: Iterable[str] | None) -> None:
        """Deliver through `courier`; `commands` are those the app has registered, None takes any."""
        self._state = state
        self._courier = courier
        self._payloads = payloads
        self._commands = None if commands is None else frozenset(commands)

    def command(self, user: str, channel_id: str, line: str) -> tuple[Answer, list[Message]]:
        """Type a slash command; return the app's answer and the messages it was acknowledged with.

        Raises:
            Refused: Slack does not know the command.
            DeliveryFailed: with the sentence Slack shows.
        """
        person, channel = self._member(user, channel_id)
        name, _, text = line.strip().partition(" ")
        if not name.startswith("/") or (self._commands is not None and name not in self._commands):
            raise Refused(f'{name} is not a valid command. In Slack, all messages that start with "/" are commands.')
        answer = self._courier.deliver(COMMAND, self._payloads.command(person, channel, name, text.strip()))
        if not answer.acked:
            raise DeliveryFailed(f'{name} failed with the error "{answer.error or UNREACHABLE}"', answer.status)
        try:
            return answer, answer_command(self._state, channel.id, user, answer.body)
        except SlackError as error:
            self._warn(f"the answer to {name} was refused", error)
            raise DeliveryFailed(f'{name} failed with the error "invalid_command_response"', answer.status) from error

    def say(self, user: str, channel_id: str, text: str, thread_ts: str | None = None) -> Message:
        """Write a plain message, or an answer in the thread of one.

        Raises:
            UnknownThing: the message to answer is gone. Refused: there is nothing in it, or it is a command.
        """
        _, channel = self._member(user, channel_id)
        if not text.strip() or text.startswith("/"):
            raise Refused("write a message; commands are sent as commands")
        if thread_ts is not None and self._message(user, channel_id, thread_ts).only_for is not None:
            raise Refused("what only you can see cannot be answered")
        escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        message = self._state.new_message(channel.id, user, escaped)
        message.thread_ts = thread_ts
        return self._state.post(message)

    def press_in_message(self, user: str, channel_id: str, ts: str, given: Json) -> Answer:
        """Press a button or choose an option of a message; with `stale` in `given`, of one of its former versions.

        Raises:
            UnknownThing: the message or control is gone. Refused: no such option. DeliveryFailed: not acknowledged.
        """
        person, _ = self._member(user, channel_id)
        message = self._message(user, channel_id, ts)
        blocks = [*message.blocks, *(block for old in message.past for block in old)] if given.get("stale") else None
        control = find_control(blocks or message.blocks, str(given.get("block_id")), str(given.get("action_id")))
        with self._state.lock:
            values = message.entered.setdefault(user, {})
            for each in controls(message.blocks):
                if each.holds:
                    values.setdefault(each.block_id, {}).setdefault(each.action_id, each.initial())
            action = self._act(control, given, values, message)
        if not control.dispatches:
            return Answer(None)
        return self._acked(self._courier.deliver(INTERACTIVE, self._payloads.message_action(person, message, action)))

    def press_in_view(self, user: str, view_id: str, given: Json) -> Answer:
        """Press a button or choose an option in a form; `values` in `given` is what else was entered so far.

        Raises:
            As `press_in_message`.
        """
        view = self.view(user, view_id)
        control = find_control(view.content["blocks"], str(given.get("block_id")), str(given.get("action_id")))
        with self._state.lock:
            self._enter(view, given.get("values") or {})
            action = self._act(control, given, view.values, view)
            self._state.pulse.touch()
        if not control.dispatches:
            return Answer(None)
        payload = self._payloads.view_action(self._state.person(user), view, action)
        return self._acked(self._courier.deliver(INTERACTIVE, payload))

    def submit(self, user: str, view_id: str, values: Values) -> tuple[bool, dict[str, str]]:
        """Submit a form; return whether it closed and the errors by block id.

        Raises:
            UnknownThing: it is not open. Refused: a value was never offered. DeliveryFailed: not acknowledged.
        """
        view = self.view(user, view_id)
        if self._state.views.stack(user)[-1] is not view:
            raise Refused("another form is open above this one")
        with self._state.lock:
            self._enter(view, values)
            view.errors = self._mistakes(view)
            self._state.pulse.touch()
            if view.errors:
                return False, view.errors
            view.busy = True
            payload = self._payloads.submission(self._state.person(user), view)
        try:
            answer = self._courier.deliver(INTERACTIVE, payload)
        finally:
            view.busy = False
            self._state.pulse.touch()
        return self._after_submission(view, self._acked(answer))

    def close(self, user: str, view_id: str) -> None:
        """Close a form with its X or Cancel; the app is told when it asked for it."""
        view = self.view(user, view_id)
        everything = bool(view.content.get("clear_on_close"))
        for closed in self._state.views.close(view, everything=everything):
            if closed.content.get("notify_on_close"):
                payload = self._payloads.closed(self._state.person(user), closed, cleared=everything)
                self._courier.deliver(INTERACTIVE, payload)

    def options(self, user: str, place: View | Message, block_id: str, action_id: str, query: str) -> Json:
        """Return what a select offers for what was typed: static ones filtered, external ones asked from the app.

        Raises:
            UnknownThing: no such control. DeliveryFailed: the app gave no usable answer.
        """
        blocks = place.content["blocks"] if isinstance(place, View) else place.blocks
        control = find_control(blocks, block_id, action_id)
        if "external" not in control.kind:
            key = "option_groups" if control.element.get("option_groups") is not None else "options"
            return {key: control.element.get(key) or []}
        if len(query) < control.element.get("min_query_length", DEFAULT_MIN_QUERY):
            return {"options": []}
        payload = self._payloads.suggestion(self._state.person(user), control, query, place)
        answer = self._acked(self._courier.deliver(INTERACTIVE, payload))
        try:
            offered = check_suggestions(json.loads(answer.body or "null"))
        except (SlackError, json.JSONDecodeError) as error:
            self._warn(f"the options for {action_id} were refused", error)
            raise DeliveryFailed("The options could not be loaded.", answer.status) from error
        with self._state.lock:
            place.offered.setdefault((block_id, action_id), []).extend(flat_options(offered))
        return offered

    def view(self, user: str, view_id: str) -> View:
        """Return a form this person has open, or this person's home tab.

        Raises:
            UnknownThing: it is not open, or somebody else's.
        """
        view = self._state.views.get(view_id)
        if view is None or view.user != user:
            raise UnknownThing("this form is no longer open")
        return view

    def message(self, user: str, channel_id: str, ts: str) -> Message:
        """Return a message this person sees.

        Raises:
            UnknownThing: it is gone, or was never visible to this person.
        """
        self._member(user, channel_id)
        return self._message(user, channel_id, ts)

    def _message(self, user: str, channel_id: str, ts: str) -> Message:
        message = self._state.find(channel_id, ts)
        if message is None or message.only_for not in (None, user):
            raise UnknownThing("this message is no longer there")
        return message

    def _member(self, user: str, channel_id: str) -> tuple[Person, Channel]:
        try:
            person, channel = self._state.person(user), self._state.channel(channel_id)
        except SlackError as error:
            raise UnknownThing(f"there is no {'person' if 'user' in error.code else 'channel'} of this id") from error
        if user not in channel.members or person.deleted:
            raise UnknownThing(f"{person.name} is not in #{channel.name}")
        return person, channel

    def _act(self, control: Control, given: Json, values: Values, place: View | Message) -> Json:
        if control.holds:
            entry = cleaned(control, given, lambda c: self._offered(c, place))
            values.setdefault(control.block_id, {})[control.action_id] = entry
        elif control.kind == "overflow" and not any(
            same_option(given.get("selected_option"), option) for option in flat_options(control.element)
        ):
            raise Refused("that choice is not among the options of this menu")
        return action_of(control, given, values, self._state.pulse.ts())

    def _enter(self, view: View, values: Values) -> None:
        known = {(c.block_id, c.action_id): c for c in controls(view.content["blocks"]) if c.holds}
        for block_id, actions in values.items():
            for action_id, given in actions.items():
                control = known.get((block_id, action_id))
                if control is None:
                    raise Refused(f"this form has no control {action_id} in block {block_id}")
                view.values[block_id][action_id] = cleaned(control, given, lambda c: self._offered(c, view))

    def _offered(self, control: Control, place: View | Message) -> list[Json]:
        return place.offered.get((control.block_id, control.action_id), [])

    def _mistakes(self, view: View) -> dict[str, str]:
        errors: dict[str, str] = {}
        for control in controls(view.content["blocks"]):
            if control.is_input:
                error = mistake(control, view.values[control.block_id][control.action_id])
                if error:
                    errors[control.block_id] = error
        return errors

    def _after_submission(self, view: View, answer: Answer) -> tuple[bool, dict[str, str]]:
        """Do what the acknowledgement of a submission says: close, clear, update, push or show errors."""
        views = self._state.views
        try:
            body = json.loads(answer.body) if answer.body.strip() else {}
            action = body.get("response_action") if isinstance(body, dict) else "?"
            if action is None:
                views.close(view)
            elif action == "clear":
                views.close(view, everything=True)
            elif action == "update":
                views.update(view, check_view(body.get("view")))
                return False, {}
            elif action == "push":
                views.push(view.user, check_view(body.get("view")))
                return False, {}
            elif action == "errors":
                return False, self._show_errors(view, body.get("errors"))
            else:
                raise SlackError("invalid_response_action")  # noqa: TRY301 - one way out for all bad answers
        except (SlackError, json.JSONDecodeError) as error:
            self._warn("the answer to a form was refused", error)
            raise DeliveryFailed(TROUBLE, answer.status) from error
        return True, {}

    def _show_errors(self, view: View, errors: object) -> dict[str, str]:
        inputs = {control.block_id for control in controls(view.content["blocks"]) if control.is_input}
        if not isinstance(errors, dict) or not errors or not set(errors) <= inputs:
            raise SlackError("invalid_errors", ["[ERROR] errors must name input blocks of the view"])
        with self._state.lock:
            view.errors = {str(block_id): str(text) for block_id, text in errors.items()}
            self._state.pulse.touch()
        return view.errors

    def _acked(self, answer: Answer) -> Answer:
        if not answer.acked:
            late = "Operation timed out. Apps need to respond within 3 seconds."
            raise DeliveryFailed(late if answer.error == TIMED_OUT else TROUBLE, answer.status)
        return answer

    def _warn(self, what: str, error: Exception) -> None:
        with self._state.lock:
            self._state.warnings.append(f"{what}: {error}")
