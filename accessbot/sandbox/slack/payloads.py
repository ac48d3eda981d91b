"""The payloads Slack sends to an app (docs.slack.dev/reference/interaction-payloads)."""

from typing import Any

from accessbot.sandbox.slack.controls import Control, Values
from accessbot.sandbox.slack.people import Channel, Person
from accessbot.sandbox.slack.state import APP_ID, BOT_ID, Message, State
from accessbot.sandbox.slack.views import View

Json = dict[str, Any]

VERIFICATION_TOKEN = "legacy-verification-token"  # noqa: S105 - Slack's retired field, carries no authority


class Payloads:
    """Builds payloads for one workspace."""

    def __init__(self, state: State) -> None:
        """Take names and ids from `state`; `root` (the server's address) is set when it is known."""
        self._state = state
        self.root = ""

    def command(self, person: Person, channel: Channel, name: str, text: str) -> Json:
        """Return a slash command; all values are strings, as in a form."""
        cast = self._state.cast
        return {
            "token": VERIFICATION_TOKEN,
            "team_id": cast.team_id,
            "team_domain": cast.team_domain,
            "channel_id": channel.id,
            "channel_name": "directmessage" if channel.im_of else channel.name,
            "user_id": person.id,
            "user_name": person.name,
            "command": name,
            "text": text,
            "api_app_id": APP_ID,
            "is_enterprise_install": "false",
            "response_url": self.response_url(channel.id, person.id),
            "trigger_id": self._state.tickets.trigger(person.id),
        }

    def message_action(self, person: Person, message: Message, action: Json) -> Json:
        """Return a click on a message; the message itself is left out when it is ephemeral, as Slack does."""
        payload = self._interaction("block_actions", person)
        payload |= self._place(message)
        payload["trigger_id"] = self._state.tickets.trigger(person.id)
        payload["state"] = {"values": message.entered.get(person.id, {})}
        payload["response_url"] = self.response_url(message.channel, person.id, message.ts)
        payload["actions"] = [action]
        return payload

    def view_action(self, person: Person, view: View, action: Json) -> Json:
        """Return a click in a form."""
        payload = self._interaction("block_actions", person)
        payload |= {"container": {"type": "view", "view_id": view.id}, "view": self.view(view)}
        payload["trigger_id"] = self._state.tickets.trigger(person.id, view.id)
        payload["actions"] = [action]
        return payload

    def submission(self, person: Person, view: View) -> Json:
        """Return the submission of a form."""
        payload = self._interaction("view_submission", person)
        payload["trigger_id"] = self._state.tickets.trigger(person.id, view.id)
        return payload | {"view": self.view(view), "response_urls": []}

    def closed(self, person: Person, view: View, *, cleared: bool) -> Json:
        """Return the notice that a form was closed."""
        return self._interaction("view_closed", person) | {"view": self.view(view), "is_cleared": cleared}

    def suggestion(self, person: Person, control: Control, query: str, place: View | Message) -> Json:
        """Return the question for the options of a type-ahead."""
        payload = self._interaction("block_suggestion", person)
        payload |= {"action_id": control.action_id, "block_id": control.block_id, "value": query}
        if isinstance(place, View):
            return payload | {"container": {"type": "view", "view_id": place.id}, "view": self.view(place)}
        return payload | self._place(place)

    def view(self, view: View) -> Json:
        """Return a view object."""
        return view.to_slack(self._state.cast.team_id, APP_ID, BOT_ID)

    def response_url(self, channel: str, user: str, message_ts: str | None = None) -> str:
        """Return a fresh response URL."""
        return f"{self.root}/response/{self._state.tickets.response(channel, user, message_ts)}"

    def _interaction(self, kind: str, person: Person) -> Json:
        cast = self._state.cast
        return {
            "type": kind,
            "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team_id},
            "api_app_id": APP_ID,
            "token": VERIFICATION_TOKEN,
            "team": {"id": cast.team_id, "domain": cast.team_domain},
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _place(self, message: Message) -> Json:
        channel = self._state.channel(message.channel)
        ephemeral = message.only_for is not None
        place: Json = {
            "container": {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": message.channel,
                "is_ephemeral": ephemeral,
            },
            "channel": {"id": channel.id, "name": "directmessage" if channel.im_of else channel.name},
        }
        if not ephemeral:
            place["message"] = message.to_slack(self._state.cast.team_id)
        return place


def action_of(control: Control, given: Json, values: Values, ts: str) -> Json:
    """Return an entry of `actions`: what was pressed or chosen."""
    element = control.element
    action: Json = {
        "type": control.kind,
        "action_id": control.action_id,
        "block_id": control.block_id,
        "action_ts": ts,
    }
    for key in ("text", "value", "style", "placeholder", "initial_option"):
        if element.get(key) is not None:
            action[key] = element[key]
    if control.holds:
        entry = values[control.block_id][control.action_id]
        action |= {key: value for key, value in entry.items() if key != "type"}
    elif control.kind == "overflow":
        action["selected_option"] = given["selected_option"]
    return action
