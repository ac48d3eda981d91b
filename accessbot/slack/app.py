"""The Bolt app: made without any call, and every listener attached through the guard."""

from __future__ import annotations

import logging
import re
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

from slack_bolt import App
from slack_bolt.authorization import AuthorizeResult

from accessbot.slack import commands, ids, presses
from accessbot.slack.client import SLACK_API_URL, WEB_TIMEOUT_S, SlackClient
from accessbot.slack.desk import Desk
from accessbot.slack.guard import Afterwards, Guard
from accessbot.slack.people import OwnTeam

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from slack_bolt import Ack

    from accessbot.service.context import Context
    from accessbot.slack.delivery import Delivery
    from accessbot.slack.guard import Reply

    Handler = Callable[[Desk, Delivery], Reply]

_ANY = re.compile(r".*", re.DOTALL)
_bolt_log = logging.getLogger("accessbot.slack.bolt")
_bolt_log.setLevel(logging.ERROR)  # below that Bolt logs whole bodies, with what people wrote

COMMANDS: dict[str, Handler] = {
    ids.REQUEST_COMMAND: commands.request_aws,
    ids.MY_ACCESS_COMMAND: commands.my_access,
}
ACTIONS: dict[str, Handler] = {
    ids.APPROVE: presses.approve,
    ids.DENY: presses.deny,
    ids.REVOKE: presses.revoke,
    ids.END_ACCESS: presses.end_access,
    ids.EXTEND: presses.extend,
    ids.CANCEL: presses.cancel,
    ids.LINK: presses.follow_link,
    ids.ACCESS: commands.choose_access,
    ids.DURATION: presses.follow_link,
}
FORMS: dict[str, Handler] = {
    ids.REQUEST_FORM: commands.submit_request,
    ids.DENY_FORM: presses.submit_denial,
    ids.EXTEND_FORM: presses.submit_extension,
}


def build_app(*, token: str, signing_secret: str, base_url: str = SLACK_API_URL) -> App:
    """Make the Bolt app; Slack need not be there yet.

    Args:
        token: the bot token.
        signing_secret: what Slack signs deliveries with.
        base_url: root of the Web API, ending in `/api/`.
    """

    def authorize() -> AuthorizeResult:
        # One workspace, one token: there is nothing to look up, and nobody is identified by this.
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=token)

    return App(
        name=_bolt_log.name,  # Bolt gives the logger of this name its own level at every delivery
        logger=_bolt_log,
        client=SlackClient(token, base_url, WEB_TIMEOUT_S),
        signing_secret=signing_secret,
        authorize=authorize,
        process_before_response=True,
        token_verification_enabled=False,
        ignoring_self_events_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )


def _take_note(ack: Ack) -> None:
    ack()


def register(
    app: App,
    ctx: Context,
    *,
    team: OwnTeam | None = None,
    afterwards: Callable[[Callable[[], None]], None] | None = None,
    in_time: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> None:
    """Attach every listener.

    Args:
        app: what `build_app` gave.
        ctx: what the verbs are given.
        team: which workspace is ours; payloads of another are refused once that is known.
        afterwards: runs what need not be waited for; by default threads of its own.
        in_time: bounds all store calls of one delivery together.
    """
    client = app.client
    if not isinstance(client, SlackClient):
        raise TypeError("the app has to be made by build_app")
    desk = Desk(ctx, client)
    guard = Guard(team or OwnTeam(client), desk.whisper, afterwards or Afterwards(), in_time)

    def listener(name: str, handler: Handler) -> Callable[..., None]:
        return guard(name, partial(handler, desk))

    for command, handler in COMMANDS.items():
        app.command(command)(listener(command.strip("/"), handler))
    for action, handler in ACTIONS.items():
        app.block_action(action)(listener(action, handler))
    for form, handler in FORMS.items():
        app.view_submission(form)(listener(form, handler))
    app.options(ids.ACCESS)(listener("access.search", commands.suggest))
    app.event(_ANY)(_take_note)  # none is subscribed to; one that comes is not sent again and again
    for catch_all in (app.command, app.block_action, app.view_submission, app.options):
        catch_all(_ANY)(listener("unknown", presses.unknown))
