"""The forms: asking, denying, extending. Pure: data in, a view out; and what people filled in, read back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accessbot.domain import policy
from accessbot.domain.durations import compact, parse_duration, spoken
from accessbot.domain.errors import FieldRefused
from accessbot.slack import ids
from accessbot.slack.blocks import Json, field, modal, option, plain, section
from accessbot.slack.options import access_option
from accessbot.slack.text import elide, escape, when

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from accessbot.domain.model import Entitlement
    from accessbot.domain.notices import Holding
    from accessbot.slack.options import AccessIndex

_ANSWER_TO_LIMIT = 1500
_DURATION_INPUT_LIMIT = 40


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer to one person goes: the channel they were in, and the address Slack gave for answers."""

    channel: str = ""
    response_url: str = ""
    thread: str = ""

    def pack(self, **more: str) -> str:
        """Write it for `answer_to` and a form's metadata, never longer than 1,500 characters."""
        whole = {"c": self.channel, "r": self.response_url, "t": self.thread, **more}
        packed = json.dumps({key: value for key, value in whole.items() if value}, separators=(",", ":"))
        if len(packed) <= _ANSWER_TO_LIMIT or not self.response_url:
            return packed
        return Place(self.channel, "", self.thread).pack(**more)

    @classmethod
    def unpack(cls, packed: str) -> tuple[Place, dict[str, str]]:
        """Read it back, with what else was packed; anything unreadable is the empty place."""
        try:
            whole = json.loads(packed or "{}")
        except ValueError:
            whole = {}
        if not isinstance(whole, dict):
            whole = {}
        texts = {str(key): value for key, value in whole.items() if isinstance(value, str)}
        place = cls(texts.pop("c", ""), texts.pop("r", ""), texts.pop("t", ""))
        return place, texts


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known before the form opens, and what to say about it."""

    entitlement: Entitlement | None = None
    duration_text: str = ""
    reason: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Filled:
    """What was filled in; `blocks` tells the id of the block in which each field stands."""

    entitlement: str
    duration_text: str
    reason: str
    blocks: dict[str, str]

    def duration(self) -> timedelta:
        """Read the duration. Raises `FieldRefused` when there is none, or it is none."""
        if not self.duration_text.strip():
            raise FieldRefused("duration", "Say for how long, like 45m, 1h30m or 2d.")
        return parse_duration(self.duration_text)


def request_form(index: AccessIndex, metadata: str, draft: Draft | None = None) -> Json:
    """Give the form of `/request-aws`, filled in as far as the draft goes."""
    draft = draft or Draft()
    blocks: list[Json] = []
    if draft.problem:
        blocks.append(section(f":warning: {escape(draft.problem)}", block_id="problem"))
    blocks.append(_access_field(index, draft.entitlement))
    blocks.append(duration_field(index, draft.entitlement, draft.duration_text))
    blocks.append(_reason_field(draft.reason, "For example: INC-42, the payment queue is stuck"))
    return modal("Request AWS access", ids.REQUEST_FORM, "Request", blocks, metadata)


def duration_field(index: AccessIndex, chosen: Entitlement | None, typed: str = "") -> Json:
    """Give the input *Duration*: a select when the choices are the same for all, else a text.

    Its ids never change, so what was typed stays when a choice of *Access* changes the hint. For the same reason Slack
    would not show another default then: the text begins with the shortest, which every policy allows.
    """
    shared = index.shared_durations
    if shared is not None and _is_offered(typed, shared[0]):
        offered, usual = shared
        wanted = parse_duration(typed) if typed else usual
        return field("Duration", ids.DURATION, _duration_select(offered, wanted))
    element: Json = {
        "type": "plain_text_input",
        "action_id": ids.DURATION,
        "max_length": _DURATION_INPUT_LIMIT,
        "placeholder": plain("Like 45m, 1h30m or 2d"),
    }
    rule = chosen.policy if chosen is not None else None
    default = rule.default_duration if rule is not None else index.safe_default
    initial = typed or (compact(default) if default is not None else "")
    if initial:
        element["initial_value"] = elide(initial, _DURATION_INPUT_LIMIT)
    hint = "How long you need it, like 45m, 1h30m or 2d."
    if rule is not None:
        hint = f"At most {spoken(rule.max_duration)}, usually {spoken(rule.default_duration)}; like 45m, 1h30m or 2d."
    return field("Duration", ids.DURATION, element, hint=hint)


def deny_form(metadata: str) -> Json:
    """Give the form that asks why a request is denied."""
    blocks = [_reason_field("", "The requester reads this, word for word")]
    return modal("Deny this request", ids.DENY_FORM, "Deny", blocks, metadata)


def extend_form(holding: Holding, metadata: str) -> Json:
    """Give the form that asks for more time; only what the policy still allows is offered."""
    grant, default = holding.grant, max(holding.extensions)
    if holding.entitlement is not None:
        usual = [e for e in holding.extensions if e <= holding.entitlement.policy.default_duration]
        default = max(usual) if usual else min(holding.extensions)
    blocks = [
        section(
            f"*{escape(grant.permission_set)}* in *{escape(grant.account_name)}* ends {when(grant.expires_at)}. "
            "Your approvers decide on more time, as they did on the grant."
        ),
        field("Duration", ids.DURATION, _duration_select(holding.extensions, default), hint="The time to add."),
        _reason_field("", "Why you need it longer"),
    ]
    return modal("Extend access", ids.EXTEND_FORM, "Request", blocks, metadata)


def notice_view(title: str, sentence: str) -> Json:
    """Give a view that only says something, shown in place of a form."""
    return {"type": "modal", "title": plain(title), "close": plain("Close"), "blocks": [section(escape(sentence))]}


def read_filled(view: object) -> Filled:
    """Read what was filled into a form; a control that is not there, or of another shape, counts as empty."""
    values: dict[str, str] = {ids.ACCESS: "", ids.DURATION: "", ids.REASON: ""}
    blocks: dict[str, str] = {}
    state = view.get("state") if isinstance(view, dict) else None
    groups = state.get("values") if isinstance(state, dict) else None
    for block_id, controls in (groups if isinstance(groups, dict) else {}).items():
        for action_id, control in (controls if isinstance(controls, dict) else {}).items():
            if action_id in values and isinstance(control, dict):
                values[action_id] = _value(control)
                blocks[action_id] = str(block_id)
    return Filled(values[ids.ACCESS], values[ids.DURATION], values[ids.REASON], blocks)


def _value(control: Json) -> str:
    chosen = control.get("selected_option")
    value = chosen.get("value") if isinstance(chosen, dict) else control.get("value")
    return value if isinstance(value, str) else ""


def _access_field(index: AccessIndex, chosen: Entitlement | None) -> Json:
    element: Json = {"action_id": ids.ACCESS, "placeholder": plain("Choose an account and a permission set")}
    if index.is_small:
        element |= {"type": "static_select", "option_groups": index.groups}
    else:
        element |= {"type": "external_select", "min_query_length": 0}
        element["placeholder"] = plain("Type an account, a permission set or a word of the description")
    if chosen is not None:
        element["initial_option"] = access_option(chosen)
    return field("Access", ids.ACCESS, element, dispatches=index.shared_durations is None)


def _reason_field(initial: str, placeholder: str) -> Json:
    element: Json = {
        "type": "plain_text_input",
        "action_id": ids.REASON,
        "multiline": True,
        "max_length": policy.REASON_LIMIT,
        "placeholder": plain(placeholder),
    }
    if initial:
        element["initial_value"] = initial[: policy.REASON_LIMIT]
    return field("Reason", ids.REASON, element)


def _duration_select(offered: Sequence[timedelta], chosen: timedelta) -> Json:
    options = [option(spoken(duration), compact(duration)) for duration in offered]
    element: Json = {"type": "static_select", "action_id": ids.DURATION, "options": options}
    if chosen in offered:
        element["initial_option"] = option(spoken(chosen), compact(chosen))
    return element


def _is_offered(typed: str, offered: Sequence[timedelta]) -> bool:
    """Tell whether a select can show what was typed; a duration beside the choices stays a text, not lost."""
    if not typed:
        return True
    try:
        return parse_duration(typed) in offered
    except FieldRefused:
        return False
