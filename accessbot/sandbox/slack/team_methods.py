"""The Web API methods about the team, its people and its forms (docs.slack.dev/reference/methods)."""

from collections.abc import Callable
from typing import Any

from accessbot.sandbox.slack.arguments import Arguments
from accessbot.sandbox.slack.errors import SlackError
from accessbot.sandbox.slack.limits import check_view
from accessbot.sandbox.slack.state import APP_ID, BOT_ID, State
from accessbot.sandbox.slack.tickets import Trigger
from accessbot.sandbox.slack.views import View

Json = dict[str, Any]
Method = Callable[[Arguments], Json]


class TeamMethods:
    """`auth.test`, `api.test`, `users.*`, `usergroups.*` and `views.*`."""

    def __init__(self, state: State) -> None:
        """Act on `state`."""
        self._state = state
        self.table: dict[str, Method] = {
            "api.test": self._api_test,
            "auth.test": self._auth_test,
            "users.info": self._user,
            "users.lookupByEmail": self._user_by_email,
            "usergroups.list": self._user_groups,
            "usergroups.users.list": self._user_group_members,
            "views.open": self._open,
            "views.push": self._push,
            "views.update": self._update,
            "views.publish": self._publish,
        }

    def _api_test(self, args: Arguments) -> Json:
        if args.text("error"):
            raise SlackError(args.text("error"))
        return {"args": {name: value for name, value in args.given.items() if name != "token"}}

    def _auth_test(self, _args: Arguments) -> Json:
        cast = self._state.cast
        return {
            "url": f"https://{cast.team_domain}.slack.com/",
            "team": cast.team_name,
            "user": self._state.bot.name,
            "team_id": cast.team_id,
            "user_id": self._state.bot.id,
            "bot_id": BOT_ID,
            "is_enterprise_install": False,
        }

    def _user(self, args: Arguments) -> Json:
        return {"user": self._state.person(args.required("user", "user_not_found")).to_slack()}

    def _user_by_email(self, args: Arguments) -> Json:
        email = args.required("email", "users_not_found").lower()
        for person in self._state.people():
            if person.email.lower() == email and not person.deleted:
                return {"user": person.to_slack()}
        raise SlackError("users_not_found")

    def _user_groups(self, args: Arguments) -> Json:
        cast = self._state.cast
        with_users = args.flag("include_users")
        return {"usergroups": [group.to_slack(cast.team_id, with_users=with_users) for group in cast.user_groups]}

    def _user_group_members(self, args: Arguments) -> Json:
        group = self._state.user_group(args.required("usergroup", "no_such_subteam"))
        disabled = args.flag("include_disabled")
        return {"users": [user for user in group.members if disabled or not self._state.person(user).deleted]}

    def _open(self, args: Arguments) -> Json:
        content = check_view(args.view())
        trigger = self._trigger(args)
        return self._shown(self._state.views.open(trigger.user, content))

    def _push(self, args: Arguments) -> Json:
        content = check_view(args.view())
        trigger = self._trigger(args)
        if trigger.view_id is None:
            raise SlackError("not_found")
        return self._shown(self._state.views.push(trigger.user, content))

    def _update(self, args: Arguments) -> Json:
        content = check_view(args.view())
        view_id, external_id = args.text("view_id"), args.text("external_id")
        if not view_id and not external_id:
            raise SlackError("invalid_arguments", ["[ERROR] missing required field: view_id [json-pointer:/]"])
        views = self._state.views
        view = views.get(view_id) if view_id else views.by_external_id(external_id)
        if view is None:
            raise SlackError("not_found")
        return self._shown(views.update(view, content, args.text("hash") or None))

    def _publish(self, args: Arguments) -> Json:
        content = check_view(args.view(), "home")
        person = self._state.person(args.required("user_id", "invalid_arguments"))
        return self._shown(self._state.views.publish(person.id, content, args.text("hash") or None))

    def _trigger(self, args: Arguments) -> Trigger:
        return self._state.tickets.exchange(args.required("trigger_id", "invalid_trigger_id"))

    def _shown(self, view: View) -> Json:
        return {"view": view.to_slack(self._state.cast.team_id, APP_ID, BOT_ID)}
