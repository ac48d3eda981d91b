"""The Bolt app: made without any call, and every listener attached through the guard."""

from __future__ import annotations

import logging
import re
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

from slack_bolt import App
from slack_bolt.authorization import AuthorizeResult

from accessbot.slack import asking_form, commands, ids, own_presses, presses
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
    ids.ASK: presses.ask,
    ids.MORE: presses.more,
    ids.APPROVE_ALL: presses.approve_all,
    ids.DENY_ALL: presses.deny_all,
    ids.REVOKE: presses.revoke,
    ids.JUSTIFY: presses.justify,
    ids.NOT_JUSTIFY: presses.not_justify,
    ids.END_ACCESS: own_presses.end_access,
    ids.EXTEND: own_presses.extend,
    ids.CANCEL: own_presses.cancel,
    ids.CONFIRM: own_presses.confirm,
    ids.DECLINE: own_presses.decline,
    ids.ANSWER: own_presses.answer,
    ids.ESCALATE: own_presses.escalate,
    ids.DELEGATE: own_presses.delegate,
    ids.TAKE_BACK: own_presses.take_back,
    ids.LINK: own_presses.follow_link,
    ids.ACCESS: asking_form.follow_choice,
    ids.EMERGENCY: asking_form.follow_choice,
    ids.MORE_OPTIONS: asking_form.more_options,
    ids.DURATION: own_presses.follow_link,
}
FORMS: dict[str, Handler] = {
    ids.REQUEST_FORM: asking_form.submit_request,
    ids.DENY_FORM: presses.submit_denial,
    ids.DENY_ALL_FORM: presses.submit_denial_of_all,
    ids.DECIDE_FORM: presses.submit_decision,
    ids.ASK_FORM: presses.submit_question,
    ids.REVIEW_FORM: presses.submit_review,
    ids.EXTEND_FORM: own_presses.submit_extension,
    ids.ESCALATE_FORM: own_presses.submit_escalation,
    ids.ANSWER_FORM: own_presses.submit_answer,
    ids.DELEGATE_FORM: own_presses.submit_delegation,
}
SUGGESTIONS: dict[str, Handler] = {ids.ACCESS: asking_form.suggest, ids.MORE_ACCESS: asking_form.suggest}


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
    desk = Desk.of(ctx, client, afterwards)
    guard = Guard(team or OwnTeam(client), desk.whisper, afterwards or Afterwards(), in_time)

    def listener(name: str, handler: Handler) -> Callable[..., None]:
        return guard(name, partial(handler, desk))

    for command, handler in COMMANDS.items():
        app.command(command)(listener(command.strip("/"), handler))
    for action, handler in ACTIONS.items():
        app.block_action(action)(listener(action, handler))
    for form, handler in FORMS.items():
        app.view_submission(form)(listener(form, handler))
    for control, handler in SUGGESTIONS.items():
        app.options(control)(listener("access.search", handler))
    app.event(_ANY)(_take_note)  # none is subscribed to; one that comes is not sent again and again
    for catch_all in (app.command, app.block_action, app.view_submission, app.options):
        catch_all(_ANY)(listener("unknown", presses.unknown))
