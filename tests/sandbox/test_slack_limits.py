"""Block Kit payloads Slack would refuse are refused, with its codes; those it takes are taken."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.errors import SlackApiError
from slack_sdk.models.blocks import (
    ActionsBlock,
    ButtonElement,
    ContextBlock,
    DividerBlock,
    ExternalDataSelectElement,
    HeaderBlock,
    InputBlock,
    MarkdownTextObject,
    Option,
    OptionGroup,
    PlainTextInputElement,
    PlainTextObject,
    SectionBlock,
    StaticSelectElement,
)
from slack_sdk.models.views import View

from accessbot.sandbox.slack import Workspace
from accessbot.sandbox.slack.errors import SlackError
from accessbot.sandbox.slack.limits import check_message, check_suggestions, check_view
from tests.sandbox.slack_app import client_of

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]


def plain(text: str = "x") -> Json:
    """Return a plain_text object."""
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "x") -> Json:
    """Return a mrkdwn object."""
    return {"type": "mrkdwn", "text": text}


def option(value: str = "v", text: str = "x") -> Json:
    """Return an option."""
    return {"text": plain(text), "value": value}


def section(**more: object) -> Json:
    """Return a section block."""
    return {"type": "section", "text": mrkdwn(), **more}


def button(**more: object) -> Json:
    """Return a button."""
    return {"type": "button", "action_id": "a", "text": plain(), **more}


def actions(*elements: Json) -> Json:
    """Return an actions block."""
    return {"type": "actions", "elements": list(elements)}


def select(**more: object) -> Json:
    """Return a static select, with one option unless told otherwise."""
    base: Json = {"type": "static_select", "action_id": "s"}
    return {**base, **(more or {"options": [option()]})}


def field(element: Json, **more: object) -> Json:
    """Return an input block."""
    return {"type": "input", "label": plain(), "element": element, **more}


def typed(**more: object) -> Json:
    """Return a text input."""
    return {"type": "plain_text_input", "action_id": "t", **more}


def modal(*blocks: Json, **more: object) -> Json:
    """Return a modal with a submit button."""
    return {"type": "modal", "title": plain(), "submit": plain(), "blocks": list(blocks), **more}


def confirm(**more: object) -> Json:
    """Return a confirmation dialog."""
    return {"title": plain(), "text": plain(), "confirm": plain(), "deny": plain(), **more}


REFUSED_BLOCKS: list[tuple[str, list[Json], str]] = [
    ("51 blocks", [{"type": "divider"}] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    ("long section", [section(text=mrkdwn("x" * 3001))], "must be less than 3001 characters"),
    ("empty section", [section(text=mrkdwn(""))], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    ("section of nothing", [{"type": "section"}], "must define either `text` or `fields`"),
    ("11 fields", [section(fields=[mrkdwn()] * 11)], "no more than 10 items"),
    ("long field", [section(fields=[mrkdwn("x" * 2001)])], "must be less than 2001"),
    ("long header", [{"type": "header", "text": plain("x" * 151)}], "must be less than 151"),
    ("mrkdwn header", [{"type": "header", "text": mrkdwn()}], "must be a plain_text object"),
    ("11 context elements", [{"type": "context", "elements": [mrkdwn()] * 11}], "no more than 10 items"),
    ("no context elements", [{"type": "context", "elements": []}], "must have at least 1 item"),
    ("26 actions", [actions(*(button(action_id=f"a{n}") for n in range(26)))], "no more than 25 items"),
    ("same action_id", [actions(button(), button())], "`action_id` a already exists"),
    ("same block_id", [section(block_id="b"), section(block_id="b")], "`block_id` b already exists"),
    ("long block_id", [section(block_id="b" * 256)], "must be less than 256"),
    ("long action_id", [actions(button(action_id="a" * 256))], "must be less than 256"),
    ("long button text", [actions(button(text=plain("x" * 76)))], "must be less than 76"),
    ("mrkdwn button", [actions(button(text=mrkdwn()))], "must be a plain_text object"),
    ("long button value", [actions(button(value="x" * 2001))], "must be less than 2001"),
    ("empty button value", [actions(button(value=""))], "must be more than 0"),
    ("button colour", [actions(button(style="green"))], "invalid style: green"),
    ("button without text", [actions({"type": "button"})], "missing required field: text"),
    ("unknown field", [actions(button(colour="x"))], "invalid additional property: colour"),
    ("unknown block", [{"type": "banner"}], "unsupported type: banner [json-pointer:/blocks/0/type]"),
    ("unknown element", [actions({"type": "slider"})], "unsupported type: slider"),
    ("input in actions", [actions(typed())], "unsupported type: plain_text_input"),
    ("no block", ["text"], "must provide an object"),  # type: ignore[list-item]  # the mistake itself
    ("no options", [section(accessory=select(options=[]))], "must have at least 1 item"),
    ("neither options nor groups", [section(accessory={"type": "static_select"})], "must define either"),
    ("both", [section(accessory=select(options=[option()], option_groups=[]))], "must define either"),
    ("101 options", [section(accessory=select(options=[option()] * 101))], "no more than 100 items"),
    (
        "101 groups",
        [section(accessory=select(option_groups=[{"label": plain(), "options": [option()]}] * 101))],
        "no more than 100 items",
    ),
    (
        "101 in a group",
        [section(accessory=select(option_groups=[{"label": plain(), "options": [option()] * 101}]))],
        "no more than 100 items",
    ),
    ("long option", [section(accessory=select(options=[option(text="x" * 76)]))], "must be less than 76"),
    ("long option value", [section(accessory=select(options=[option("v" * 151)]))], "must be less than 151"),
    ("option without value", [section(accessory=select(options=[{"text": plain()}]))], "missing required field: value"),
    (
        "foreign initial option",
        [section(accessory=select(options=[option()], initial_option=option("other")))],
        "`initial_option` must be one of the options",
    ),
    ("long placeholder", [section(accessory=select(options=[option()], placeholder=plain("x" * 151)))], "than 151"),
    ("6 in a menu", [section(accessory={"type": "overflow", "options": [option()] * 6})], "no more than 5"),
    ("11 radio buttons", [section(accessory={"type": "radio_buttons", "options": [option()] * 11})], "no more than 10"),
    ("confirm title", [actions(button(confirm=confirm(title=plain("x" * 101))))], "must be less than 101"),
    ("confirm text", [actions(button(confirm=confirm(text=plain("x" * 301))))], "must be less than 301"),
    ("confirm button", [actions(button(confirm=confirm(deny=plain("x" * 31))))], "must be less than 31"),
    ("confirm incomplete", [actions(button(confirm={"title": plain()}))], "missing required field: confirm"),
    ("image without words", [{"type": "image", "image_url": "https://example.com/a.png"}], "field: alt_text"),
    ("no overflow", [section(accessory={"type": "overflow", "options": []})], "must have at least 1 item"),
    ("11 boxes", [section(accessory={"type": "checkboxes", "options": [option()] * 11})], "no more than 10"),
    (
        "foreign box ticked",
        [section(accessory={"type": "checkboxes", "options": [option()], "initial_options": [option("other")]})],
        "`initial_options` must be one of the options",
    ),
    (
        "too many chosen",
        [
            section(
                accessory={
                    "type": "multi_static_select",
                    "options": [option("a"), option("b")],
                    "initial_options": [option("a"), option("b")],
                    "max_selected_items": 1,
                }
            )
        ],
        "must not hold more than `max_selected_items`",
    ),
    (
        "none may be chosen",
        [section(accessory={"type": "multi_external_select", "max_selected_items": 0})],
        "must be an integer of at least 1",
    ),
    (
        "a day that is none",
        [section(accessory={"type": "datepicker", "initial_date": "2026-02-30"})],
        "YYYY-MM-DD [json-pointer:/blocks/0/accessory/initial_date]",
    ),
    ("an hour that is none", [section(accessory={"type": "timepicker", "initial_time": "9:00"})], "format HH:mm"),
    ("milliseconds", [actions({"type": "datetimepicker", "initial_date_time": 1628633820000})], "of 10 digits"),
    ("a moment as text", [actions({"type": "datetimepicker", "initial_date_time": "1628633820"})], "of 10 digits"),
    ("a moment as accessory", [section(accessory={"type": "datetimepicker"})], "unsupported type: datetimepicker"),
    ("a person as number", [section(accessory={"type": "users_select", "initial_user": 7})], "must be a string"),
    (
        "people as text",
        [section(accessory={"type": "multi_users_select", "initial_users": "U1"})],
        "must be an array",
    ),
    (
        "query length",
        [section(accessory={"type": "external_select", "min_query_length": -1})],
        "must be a non-negative integer",
    ),
]


@pytest.mark.parametrize(
    ("blocks", "finding"), [case[1:] for case in REFUSED_BLOCKS], ids=[c[0] for c in REFUSED_BLOCKS]
)
def test_blocks_slack_refuses(blocks: list[Json], finding: str) -> None:
    """Each is invalid_blocks, with a message that names the fault and its place."""
    with pytest.raises(SlackError) as caught:
        check_message("fallback", blocks)
    assert caught.value.code == "invalid_blocks"
    assert any(finding in message for message in caught.value.messages), caught.value.messages


REFUSED_VIEWS: list[tuple[str, object, str]] = [
    ("101 blocks", modal(*[{"type": "divider"}] * 101), "no more than 100 items allowed [json-pointer:/view/blocks]"),
    ("long title", modal(title=plain("x" * 25)), "must be less than 25 characters [json-pointer:/view/title/text]"),
    ("long submit", modal(submit=plain("x" * 25)), "must be less than 25"),
    ("long close", modal(close=plain("x" * 25)), "must be less than 25"),
    ("no title", {"type": "modal", "blocks": []}, "missing required field: title"),
    ("mrkdwn title", modal(title=mrkdwn()), "must be a plain_text object"),
    ("no blocks", {"type": "modal", "title": plain()}, "missing required field: blocks"),
    ("long metadata", modal(private_metadata="x" * 3001), "must be less than 3001"),
    ("long callback_id", modal(callback_id="x" * 256), "must be less than 256"),
    ("input, no submit", modal(field(typed()), submit=None), "missing required field: submit"),
    ("max_length", modal(field(typed(max_length=3001))), "must be between 1 and 3000"),
    ("min above max", modal(field(typed(min_length=9, max_length=8))), "less than or equal to `max_length`"),
    ("initial too long", modal(field(typed(max_length=1, initial_value="xx"))), "must be less than 2"),
    ("no label", modal({"type": "input", "element": typed()}), "missing required field: label"),
    ("button as input", modal(field(button())), "unsupported type: button"),
    ("two take the focus", modal(field(typed(focus_on_load=True)), field(typed(focus_on_load=True))), "focus_on_load"),
    ("an answer sent back", modal(id="V1"), "invalid additional property: id"),
    ("markdown", modal({"type": "markdown", "text": "x"}), "unsupported type: markdown"),
    ("home as modal", modal(type="home"), "unsupported type: home"),
    ("no object", "view", "must provide an object"),
    ("flag as text", modal(notify_on_close="yes"), "must be a boolean"),
]


@pytest.mark.parametrize(("view", "finding"), [case[1:] for case in REFUSED_VIEWS], ids=[c[0] for c in REFUSED_VIEWS])
def test_views_slack_refuses(view: object, finding: str) -> None:
    """Each is invalid_arguments, with a message that names the fault and its place."""
    with pytest.raises(SlackError) as caught:
        check_view(view)
    assert caught.value.code == "invalid_arguments"
    assert any(finding in message for message in caught.value.messages), caught.value.messages


@pytest.mark.parametrize(
    ("check", "code"),
    [
        (lambda: check_message("", []), "no_text"),
        (lambda: check_message("x" * 40_001, []), "msg_too_long"),
        (lambda: check_message("x", [section(text=mrkdwn("x" * 2500))] * 5), "msg_blocks_too_long"),
        (lambda: check_view(modal(*[section(text=mrkdwn("x" * 2999))] * 90)), "view_too_large"),
        (lambda: check_suggestions({"options": [option()] * 101}), "invalid_options"),
        (lambda: check_suggestions({}), "invalid_options"),
        (lambda: check_suggestions(None), "invalid_options"),
    ],
    ids=["no text", "long text", "long blocks", "large view", "many options", "no options", "no object"],
)
def test_the_other_codes(check: Callable[[], object], code: str) -> None:
    """What is too much as a whole has codes of its own."""
    with pytest.raises(SlackError) as caught:
        check()
    assert caught.value.code == code


def test_what_is_just_within_the_limits_is_taken() -> None:
    """The largest of each is no fault."""
    blocks = [
        {"type": "header", "text": plain("x" * 150)},
        section(text=mrkdwn("x" * 3000), accessory=button(value="x" * 2000, confirm=confirm(text=mrkdwn("x" * 300)))),
        section(fields=[mrkdwn("x" * 20)] * 10),
        {"type": "context", "elements": [mrkdwn()] * 10},
        actions(*(button(action_id=f"a{n}", text=plain("x" * 75)) for n in range(25))),
        actions(button(), select(options=[option("v" * 150, "x" * 75)] * 100)),
    ]
    assert len(check_message("fallback", blocks + [{"type": "divider"}] * 44)) == 50
    groups = [{"label": plain("x" * 75), "options": [option()] * 2}] * 100
    view = modal(
        field(select(option_groups=groups, initial_option=option())),
        field(typed(max_length=3000, min_length=0, initial_value="x" * 3000), hint=plain(), optional=True),
        field({"type": "external_select", "min_query_length": 0}),
        *[{"type": "divider"}] * 97,
        private_metadata="x" * 3000,
        callback_id="x" * 255,
        title=plain("x" * 24),
    )
    assert len(check_view(view)["blocks"]) == 100
    assert check_suggestions({"options": []}) == {"options": []}


def test_what_the_sdks_own_models_make_is_taken() -> None:
    """Blocks built with slack_sdk.models pass, so the rules know the real field names."""
    choices = [Option(text="One", value="1", description="first"), Option(text="Two", value="2")]
    blocks = [
        HeaderBlock(text="Head"),
        SectionBlock(
            text=MarkdownTextObject(text="*x*"),
            fields=["a", "b"],
            accessory=ButtonElement(text="Go", action_id="go", value="1", style="primary"),
        ),
        DividerBlock(),
        ContextBlock(elements=[MarkdownTextObject(text="small")]),
        ActionsBlock(elements=[ButtonElement(text="Go", action_id="go", url="https://example.com")]),
    ]
    check_message("x", [block.to_dict() for block in blocks])
    view = View(
        type="modal",
        title="Ask",
        submit="Send",
        close="Cancel",
        callback_id="c",
        blocks=[
            InputBlock(
                label="Access",
                element=StaticSelectElement(
                    placeholder="Choose",
                    action_id="s",
                    option_groups=[OptionGroup(label=PlainTextObject(text="g"), options=choices)],
                    initial_option=choices[1],
                ),
            ),
            InputBlock(label="More", element=ExternalDataSelectElement(placeholder="…", min_query_length=1)),
            InputBlock(label="Reason", hint="why", element=PlainTextInputElement(multiline=True, max_length=1000)),
        ],
    )
    check_view(view.to_dict())


def test_missing_ids_are_made_up_and_given_ones_stay() -> None:
    """Slack names every block and control."""
    first, second = check_message("x", [actions({"type": "button", "text": plain()}), section(block_id="mine")])
    assert first["block_id"]
    assert first["elements"][0]["action_id"]
    assert second["block_id"] == "mine"


KEYS = [
    *("type", "text", "elements", "element", "accessory", "options", "option_groups", "label", "block_id", "action_id"),
    *("fields", "style", "confirm", "value", "initial_option", "initial_options", "min_length", "max_length"),
    *("min_query_length", "focus_on_load", "max_selected_items", "initial_user", "initial_users", "initial_date"),
    *("initial_time", "initial_date_time"),
]
TYPES = [
    *("section", "actions", "input", "context", "header", "image", "markdown", "button", "static_select", "primary"),
    *("users_select", "multi_users_select", "datepicker", "timepicker", "datetimepicker", "radio_buttons"),
    *("multi_static_select", "external_select", "plain_text_input", "overflow", "checkboxes", "mrkdwn", "plain_text"),
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner | st.sampled_from(TYPES), max_size=5)
    ),
    max_leaves=20,
)
some_elements = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES)}, optional={key: json_values for key in KEYS if key != "type"}
)
some_blocks = st.one_of(
    json_values,
    st.fixed_dictionaries({"type": st.just("actions"), "elements": st.lists(some_elements, max_size=3)}),
    st.fixed_dictionaries({"type": st.just("section"), "accessory": some_elements}),
    st.fixed_dictionaries({"type": st.just("input"), "label": st.just(plain()), "element": some_elements}),
)


@given(blocks=st.lists(some_blocks, max_size=4))
def test_no_json_makes_the_checks_fall_over(blocks: list[Any]) -> None:
    """Any JSON is either refused with Slack's codes or taken, and what is taken is taken again."""
    try:
        taken = check_message("fallback", blocks)
        viewed = check_view({"type": "modal", "title": plain(), "submit": plain(), "blocks": blocks})
    except SlackError as error:
        code: str | None = error.code
    else:
        code = None
        assert json.dumps(viewed)
        assert check_message("fallback", taken) == taken
    assert code in {None, "invalid_blocks", "invalid_arguments"}


def test_the_sdk_reads_the_findings() -> None:
    """response_metadata.messages reaches the real client's exception."""
    with Workspace() as workspace, pytest.raises(SlackApiError) as caught:
        client_of(workspace).chat_postMessage(channel="C01APPROVALS", text="x", blocks=[{"type": "banner"}])
    assert caught.value.response["error"] == "invalid_blocks"
    assert caught.value.response["response_metadata"]["messages"] == [
        "[ERROR] unsupported type: banner [json-pointer:/blocks/0/type]"
    ]
