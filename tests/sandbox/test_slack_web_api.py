"""The Web API of the sandbox workspace, called by the real SDK's client."""

from __future__ import annotations

import http.client
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.webhook import WebhookClient

from accessbot.sandbox.slack import Actor, Channel, Person, Workspace
from tests.sandbox.slack_app import client_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from slack_sdk import WebClient

Json = dict[str, Any]
BUTTON: list[Json] = [
    {
        "type": "actions",
        "elements": [{"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "Go"}}],
    }
]
MODAL: Json = {"type": "modal", "title": {"type": "plain_text", "text": "x"}, "blocks": []}


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    """Return a running workspace."""
    with Workspace() as running:
        yield running


@pytest.fixture
def client(workspace: Workspace) -> WebClient:
    """Return the SDK's client with the bot token."""
    return client_of(workspace)


def code(call: Callable[[], object]) -> str:
    """Return the error code a call is refused with."""
    with pytest.raises(SlackApiError) as caught:
        call()
    return str(caught.value.response["error"])


def test_tokens_are_checked(workspace: Workspace, client: WebClient) -> None:
    """None, a wrong one and one of the wrong kind are told apart; auth.test tells who the token is."""
    assert code(lambda: client_of(workspace, "").auth_test()) == "not_authed"
    assert code(lambda: client_of(workspace, "xoxb-other").auth_test()) == "invalid_auth"
    assert code(lambda: client_of(workspace, workspace.app_token).auth_test()) == "not_allowed_token_type"
    assert code(lambda: client.apps_connections_open(app_token=workspace.bot_token)) == "not_allowed_token_type"
    me = client.auth_test()
    assert (me["user_id"], me["bot_id"], me["team_id"]) == ("U00ACCESSBOT", "B01ACCESSBOT", "T01EXAMPLE")
    assert "chat:write" in me.headers["x-oauth-scopes"]
    assert client_of(workspace, "").api_test(foo="1")["args"] == {"foo": "1"}


def test_unknown_methods_and_broken_json(workspace: Workspace, client: WebClient) -> None:
    """A method that does not exist is unknown_method, even to the SDK's newest helpers."""
    assert code(lambda: client.api_call("blocks.validate")) == "unknown_method"
    assert (
        code(lambda: client.chat_postMessage(channel="C01APPROVALS", blocks="[", text="x")) == "invalid_blocks_format"
    )
    assert [call.method for call in workspace.calls] == ["blocks.validate", "chat.postMessage"]


def test_forms_and_json_bodies_are_both_taken(workspace: Workspace, client: WebClient) -> None:
    """The same call works as JSON and as a form."""
    as_json = client.api_call("chat.postMessage", json={"channel": "C01APPROVALS", "text": "a", "blocks": BUTTON})
    as_form = client.api_call("chat.postMessage", data={"channel": "C01APPROVALS", "text": "b"})
    assert [m["text"] for m in Actor(workspace, "U03PRIYA", "approvals").messages()] == ["a", "b"]
    assert float(as_form["ts"]) > float(as_json["ts"])


def test_what_is_said_of_a_person(workspace: Workspace, client: WebClient) -> None:
    """users.info has every flag authority rests on; is_stranger and is_invited_user only when true."""
    maya = client.users_info(user="U01MAYA")["user"]
    for flag in ("deleted", "is_bot", "is_restricted", "is_ultra_restricted"):
        assert maya[flag] is False
    assert maya["is_email_confirmed"] is True
    assert (maya["team_id"], maya["tz"]) == ("T01EXAMPLE", "Europe/Stockholm")
    assert maya["profile"]["email"] == "maya@example.com"
    assert not {"is_stranger", "is_invited_user"} & set(maya)
    assert client.users_info(user="U06GABE")["user"]["is_restricted"] is True
    stranger = client.users_info(user="U07SVEN")["user"]
    assert (stranger["is_stranger"], stranger["team_id"]) == (True, "T99PARTNER")
    workspace.edit_person("U01MAYA", deleted=True, is_invited_user=True)
    assert client.users_info(user="U01MAYA")["user"]["is_invited_user"] is True
    assert code(lambda: client.users_lookupByEmail(email="maya@example.com")) == "users_not_found"
    assert client.users_lookupByEmail(email="NOAH@example.com")["user"]["id"] == "U02NOAH"
    assert code(lambda: client.users_info(user="U404")) == "user_not_found"
    with pytest.raises(AttributeError):
        workspace.edit_person("U01MAYA", shoe_size=44)


def test_user_groups(workspace: Workspace, client: WebClient) -> None:
    """Members are listed without the deactivated ones unless asked for."""
    assert client.usergroups_users_list(usergroup="S01SRELEADS")["users"] == ["U03PRIYA", "U04TOMAS"]
    workspace.edit_person("U03PRIYA", deleted=True)
    assert client.usergroups_users_list(usergroup="S01SRELEADS")["users"] == ["U04TOMAS"]
    assert len(client.usergroups_users_list(usergroup="S01SRELEADS", include_disabled=True)["users"]) == 2
    groups = client.usergroups_list(include_users=True)["usergroups"]
    assert [group["handle"] for group in groups] == ["sre-leads", "payments-oncall", "engineers"]
    assert groups[0]["users"]
    assert code(lambda: client.usergroups_users_list(usergroup="S404")) == "no_such_subteam"


def test_direct_messages(workspace: Workspace, client: WebClient) -> None:
    """A post to a person lands in the D… channel that conversations.open gives; the inactive cannot be written to."""
    maya = Actor(workspace, "U01MAYA")
    posted = client.chat_postMessage(channel="U01MAYA", text="ready")
    assert posted["channel"] == client.conversations_open(users="U01MAYA")["channel"]["id"] == maya.dm_id()
    assert maya.dms()[0]["ts"] == posted["ts"]
    assert Actor(workspace, "U02NOAH").dms() == []
    client.chat_update(channel=posted["channel"], ts=posted["ts"], text="over")
    assert [(m["text"], m["edited"]) for m in maya.dms()] == [("over", True)]
    assert code(lambda: client.chat_update(channel="U01MAYA", ts=posted["ts"], text="x")) == "channel_not_found"
    workspace.edit_person("U01MAYA", deleted=True)
    assert code(lambda: client.chat_postMessage(channel="U01MAYA", text="x")) == "channel_not_found"
    assert code(lambda: client.conversations_open(users="U01MAYA")) == "user_disabled"
    assert code(lambda: client.conversations_open(users="")) == "users_list_not_supplied"


def test_only_own_messages_change(workspace: Workspace, client: WebClient) -> None:
    """Somebody else's message, one that is gone and an ephemeral one cannot be updated or deleted."""
    priya = Actor(workspace, "U03PRIYA", "approvals")
    said = priya.say("a < b & <!channel>")
    assert priya.read(said) == "a < b & <!channel>"
    where = "C01APPROVALS"
    assert code(lambda: client.chat_update(channel=where, ts=said["ts"], text="x")) == "cant_update_message"
    assert code(lambda: client.chat_delete(channel=where, ts=said["ts"])) == "cant_delete_message"
    assert code(lambda: client.chat_update(channel=where, ts="1.1", text="x")) == "message_not_found"
    private = client.chat_postEphemeral(channel=where, user="U03PRIYA", text="psst")["message_ts"]
    assert code(lambda: client.chat_update(channel=where, ts=private, text="x")) == "message_not_found"
    own = client.chat_postMessage(channel=where, text="own", blocks=BUTTON)["ts"]
    assert code(lambda: client.api_call("chat.update", json={"channel": where, "ts": own})) == "no_text"
    client.chat_update(channel=where, ts=own, text="text alone")
    assert priya.messages()[-1]["blocks"] == []
    link = client.chat_getPermalink(channel=where, message_ts=own)["permalink"]
    assert link == f"https://example.slack.com/archives/{where}/p{own.replace('.', '')}"
    client.chat_delete(channel=where, ts=own)
    assert code(lambda: client.chat_delete(channel=where, ts=own)) == "message_not_found"
    assert code(lambda: client.chat_getPermalink(channel=where, message_ts=private)) == "message_not_found"


def test_where_the_app_may_post(client: WebClient) -> None:
    """Not where it is not a member, not where there is nothing, and privately only to members."""
    assert code(lambda: client.chat_postMessage(channel="C03GENERAL", text="x")) == "not_in_channel"
    assert code(lambda: client.chat_postMessage(channel="C404", text="x")) == "channel_not_found"
    assert code(lambda: client.chat_postMessage(channel="#approvals", text="x")) == "channel_not_found"
    assert code(lambda: client.api_call("chat.postMessage", json={"channel": "C01APPROVALS"})) == "no_text"
    ephemeral = client.chat_postEphemeral
    assert code(lambda: ephemeral(channel="C01APPROVALS", user="U01MAYA", text="x")) == "user_not_in_channel"
    assert code(lambda: ephemeral(channel="C03GENERAL", user="U01MAYA", text="x")) == "not_in_channel"


def test_conversations(client: WebClient) -> None:
    """Info, members by pages, and the history without what is private to somebody."""
    info = client.conversations_info(channel="C01APPROVALS", include_num_members=True)["channel"]
    assert (info["name"], info["is_member"], info["num_members"]) == ("approvals", True, 4)
    assert client.conversations_info(channel="C03GENERAL")["channel"]["is_member"] is False
    first = client.conversations_members(channel="C01APPROVALS", limit=3)
    rest = client.conversations_members(channel="C01APPROVALS", cursor=first["response_metadata"]["next_cursor"])
    assert first["members"] + rest["members"] == ["U00ACCESSBOT", "U03PRIYA", "U04TOMAS", "U05INES"]
    assert rest["response_metadata"]["next_cursor"] == ""
    assert code(lambda: client.conversations_members(channel="C01APPROVALS", cursor="x")) == "invalid_cursor"
    stamps = [client.chat_postMessage(channel="C01APPROVALS", text=text)["ts"] for text in "abc"]
    client.chat_postEphemeral(channel="C01APPROVALS", user="U03PRIYA", text="psst")
    history = client.conversations_history(channel="C01APPROVALS", limit=2)
    assert [message["text"] for message in history["messages"]] == ["c", "b"]
    assert history["has_more"] is True
    since = client.conversations_history(channel="C01APPROVALS", oldest=stamps[1])["messages"]
    assert [message["text"] for message in since] == ["c"]
    assert since[0]["bot_id"] == "B01ACCESSBOT"
    assert code(lambda: client.conversations_history(channel="C03GENERAL")) == "not_in_channel"


def test_a_message_without_a_fallback_text_is_warned_of(workspace: Workspace, client: WebClient) -> None:
    """Slack posts it, but nobody is notified of anything readable; tests assert that there are no warnings."""
    client.chat_postMessage(channel="C01APPROVALS", text="x", blocks=BUTTON)
    assert workspace.warnings == []
    client.api_call("chat.postMessage", json={"channel": "C01APPROVALS", "blocks": BUTTON})
    assert "no text as a fallback" in workspace.warnings[0]


def test_view_methods_without_an_open_form(client: WebClient, workspace: Workspace) -> None:
    """Made-up triggers and views are refused; a home tab is published and updated against its hash."""
    assert code(lambda: client.views_open(trigger_id="1.2.3", view=MODAL)) == "invalid_trigger_id"
    assert code(lambda: client.views_update(view_id="V404", view=MODAL)) == "not_found"
    assert code(lambda: client.api_call("views.update", json={"view": MODAL})) == "invalid_arguments"
    assert code(lambda: client.views_open(trigger_id="1.2.3", view={})) == "invalid_arguments"
    home = client.views_publish(user_id="U01MAYA", view={"type": "home", "blocks": BUTTON})["view"]
    again: Json = {"type": "home", "blocks": []}
    assert code(lambda: client.views_publish(user_id="U01MAYA", view=again, hash="old")) == "hash_conflict"
    client.views_publish(user_id="U01MAYA", view=again, hash=home["hash"])
    assert Actor(workspace, "U01MAYA").state()["home"]["view"]["blocks"] == []


def test_views_push_update_and_their_limits(workspace: Workspace, client: WebClient) -> None:
    """Three forms on a stack, an external id once per team, a stale hash, a trigger from outside a form."""
    trigger = workspace.state.tickets.trigger
    root = client.views_open(trigger_id=trigger("U01MAYA"), view={**MODAL, "external_id": "one"})["view"]
    assert code(lambda: client.views_push(trigger_id=trigger("U01MAYA"), view=MODAL)) == "not_found"
    second = client.views_push(trigger_id=trigger("U01MAYA", root["id"]), view=MODAL)["view"]
    assert (second["root_view_id"], second["previous_view_id"]) == (root["id"], root["id"])
    client.views_push(trigger_id=trigger("U01MAYA", root["id"]), view=MODAL)
    assert (
        code(lambda: client.views_push(trigger_id=trigger("U01MAYA", root["id"]), view=MODAL)) == "push_limit_reached"
    )
    twin = {**MODAL, "external_id": "one"}
    assert code(lambda: client.views_open(trigger_id=trigger("U02NOAH"), view=twin)) == "duplicate_external_id"
    changed = client.views_update(external_id="one", view=twin)["view"]
    assert changed["hash"] != root["hash"]
    assert code(lambda: client.views_update(view_id=root["id"], hash=root["hash"], view=MODAL)) == "hash_conflict"


def test_rate_limits_are_seen_by_the_sdks_retry_handler(workspace: Workspace) -> None:
    """429 carries Retry-After, and the call succeeds once the limit is over."""
    workspace.outages.rate_limit("chat.postMessage", retry_after=0, times=1)
    client = client_of(workspace)
    client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=1))
    assert client.chat_postMessage(channel="C01APPROVALS", text="x")["ok"]
    assert [(call.method, call.ok) for call in workspace.calls] == [
        ("chat.postMessage", False),
        ("chat.postMessage", True),
    ]
    workspace.outages.rate_limit(retry_after=7)
    with pytest.raises(SlackApiError) as caught:
        client_of(workspace).auth_test()
    assert (caught.value.response.status_code, caught.value.response.headers["retry-after"]) == (429, "7")


def test_other_outages(workspace: Workspace, client: WebClient) -> None:
    """Errors by method, a missing method, latency and a Slack that is wholly down."""
    workspace.outages.error("users.info", "internal_error", times=1)
    assert code(lambda: client.users_info(user="U01MAYA")) == "internal_error"
    assert client.users_info(user="U01MAYA")["ok"]
    workspace.outages.unknown("users.info")
    assert code(lambda: client.users_info(user="U01MAYA")) == "unknown_method"
    workspace.outages.latency(0.05, times=1)
    started = time.monotonic()
    client.auth_test()
    assert time.monotonic() - started >= 0.05
    workspace.outages.down()
    assert code(client.auth_test) == "service_unavailable"
    workspace.outages.clear()
    assert client.auth_test()["ok"]


def test_scopes_are_enforced_when_given() -> None:
    """A method whose scope was not granted says which it needs, and emails are left out."""
    with Workspace(scopes=["users:read"]) as workspace:
        client = client_of(workspace)
        with pytest.raises(SlackApiError) as caught:
            client.chat_postMessage(channel="C01APPROVALS", text="x")
        assert caught.value.response["error"] == "missing_scope"
        assert caught.value.response["needed"] == "chat:write"
        assert "email" not in client.users_info(user="U01MAYA")["user"]["profile"]


def test_workspaces_stand_side_by_side_with_casts_of_their_own() -> None:
    """Two workspaces in one process share nothing, and a stopped one comes back with what it had."""
    bot = Person("UBOT", "bot", "Bot", "", "bot", is_bot=True)
    ann = Person("UANN", "ann", "Ann", "ann@example.com")
    small = Workspace([bot, ann], [Channel("CONE", "one", ["UBOT", "UANN"])])
    with Workspace() as other, small:
        client_of(small).chat_postMessage(channel="CONE", text="here")
        assert code(lambda: client_of(other).chat_postMessage(channel="CONE", text="x")) == "channel_not_found"
        assert code(client_of(other, small.bot_token).auth_test) == "invalid_auth"
    with small:
        assert client_of(small).auth_test()["user_id"] == "UBOT"
        assert [message["text"] for message in Actor(small, "UANN", "one").messages()] == ["here"]


def test_arguments_of_the_wrong_shape(workspace: Workspace, client: WebClient) -> None:
    """Missing, misshaped and unparsable arguments are refused, not guessed at."""

    def call(method: str, **body: object) -> str:
        return code(lambda: client.api_call(method, json=body))

    assert call("chat.postMessage", text="x") == "channel_not_found"
    assert call("chat.postMessage", channel=["C01APPROVALS"], text="x") == "invalid_arguments"
    assert call("chat.postMessage", channel="C01APPROVALS", text="x", blocks={}) == "invalid_blocks_format"
    assert call("views.open", trigger_id="1.2.3") == "invalid_arguments"
    assert call("views.open", trigger_id="1.2.3", view="{") == "invalid_arguments"
    assert call("views.open", trigger_id="1.2.3", view="") == "invalid_arguments"
    assert call("conversations.members", channel="C01APPROVALS", limit="many") == "invalid_arguments"
    assert call("conversations.members", channel="C01APPROVALS", limit=-1) == "invalid_limit"
    assert call("api.test", error="my_error") == "my_error"
    assert call("conversations.open", users="U00ACCESSBOT") == "not_enough_users"
    assert call("conversations.open", users="U01MAYA,U02NOAH") == "method_not_supported_for_channel_type"
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {workspace.bot_token}"}
    for body, error in ((b"{", "invalid_json"), (b"[]", "json_not_object")):
        parts = urlsplit(workspace.api_url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
        connection.request("POST", f"{parts.path}auth.test", body, headers)
        assert json.load(connection.getresponse()) == {"ok": False, "error": error}
        connection.close()


def test_an_archived_channel_takes_no_posts(workspace: Workspace, client: WebClient) -> None:
    """is_archived, and what was said before can still be read."""
    client.chat_postMessage(channel="C02ALERTS", text="before", thread_ts="1.1")
    workspace.state.channel("C02ALERTS").archived = True
    assert code(lambda: client.chat_postMessage(channel="C02ALERTS", text="x")) == "is_archived"
    assert client.conversations_history(channel="C02ALERTS")["messages"][0]["thread_ts"] == "1.1"
    assert client.conversations_open(channel="C02ALERTS")["channel"] == {"id": "C02ALERTS"}


def test_a_response_url_takes_messages_alone(workspace: Workspace) -> None:
    """Other methods, other bodies and a Slack that is down are no use of it."""
    url = f"{workspace.url}/response/{workspace.state.tickets.response('C03GENERAL', 'U01MAYA')}"
    hook = WebhookClient(url)
    assert hook.send_dict({"text": 3}).status_code == 400
    assert hook.send_dict({"text": "x", "response_type": "loud"}).status_code == 400
    assert hook.send_dict({"text": ""}).body == '{"ok": false, "error": "no_text"}'
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    connection.request("GET", parts.path)
    assert connection.getresponse().status == 400
    connection.close()
    workspace.outages.down()
    assert hook.send(text="x").status_code == 503
    workspace.outages.clear()
    assert hook.send(text="at last", response_type="in_channel").status_code == 200
    assert [message["text"] for message in Actor(workspace, "U02NOAH").messages()] == ["at last"]


def test_deliveries_stay_on_this_machine(workspace: Workspace) -> None:
    """An address that is not loopback, or not plain http, is refused when it is set."""
    for url in ("http://example.com/slack/events", "https://127.0.0.1/slack/events", "http://127.0.0.1.example.com/"):
        with pytest.raises(ValueError, match="loopback addresses only"):
            workspace.events_url = url


def test_a_port_that_is_taken_leaves_nothing_behind(workspace: Workspace) -> None:
    """A second workspace on the same port fails to start and can be started elsewhere later."""
    second = Workspace(port=urlsplit(workspace.url).port or 0)
    with pytest.raises(OSError, match="in use"):
        second.start()
    second.stop()
    assert not second.socket_mode.connected()
