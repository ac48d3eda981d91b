"""The form of `/request-aws`. Pure: data in, a view out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeGuard

from accessbot.domain import policy
from accessbot.domain.durations import compact, parse_duration, spoken
from accessbot.domain.errors import FieldRefused
from accessbot.slack import ids
from accessbot.slack.blocks import Json, actions, button, field, modal, option, plain, section
from accessbot.slack.inputs import duration_select, moment_field, person_field, reason_field
from accessbot.slack.options import access_option
from accessbot.slack.text import elide, escape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from accessbot.domain.model import Entitlement
    from accessbot.domain.rules import Policy
    from accessbot.slack.filled import Filled
    from accessbot.slack.options import AccessIndex

MOST_MORE = 9
"""Most entitlements that are asked for beside the first in one form."""

_DURATION_INPUT_LIMIT = 40
_TICKED = option("This is an emergency", "yes")


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known before the form opens, and what to say about it.

    With `expanded` the inputs behind *More options* are shown: `more` entitlements, for whom, and from when.
    """

    entitlement: Entitlement | None = None
    duration_text: str = ""
    reason: str = ""
    problem: str = ""
    emergency: bool = False
    expanded: bool = False
    more: tuple[Entitlement, ...] = ()
    person: str = ""
    starts: datetime | None = None


def draft_of(index: AccessIndex, filled: Filled, view: Json) -> Draft:
    """Give what was filled into an open form, to show it again; a duration that nobody touched counts as none."""
    blocks = view.get("blocks")
    shown = {block.get("block_id"): block for block in (blocks if isinstance(blocks, list) else ()) if _is_json(block)}
    found = [index.find(name) for name in filled.values.get(ids.MORE_ACCESS, ())]
    try:
        starts = filled.moment(ids.STARTS)
    except FieldRefused:
        starts = None
    untouched = filled.duration_text == _initial_duration(shown.get(filled.blocks.get(ids.DURATION, "")))
    return Draft(
        entitlement=index.find(filled.entitlement),
        duration_text="" if untouched else filled.duration_text,
        reason=filled.reason,
        emergency=filled.emergency,
        expanded=ids.MORE_ACCESS in shown,
        more=tuple(entitlement for entitlement in found if entitlement is not None),
        person=filled.text(ids.FOR),
        starts=starts,
    )


def request_form(index: AccessIndex, metadata: str, draft: Draft | None = None) -> Json:
    """Give the form of `/request-aws`, filled in as far as the draft goes.

    *Access*, *Duration* and *Reason* come first and suffice; what is rarely needed stands behind *More options*.
    """
    draft = draft or Draft()
    blocks: list[Json] = []
    if draft.problem:
        blocks.append(section(f":warning: {escape(draft.problem)}", block_id="problem"))
    blocks.append(_access_field(index, draft.entitlement))
    blocks.append(duration_field(index, draft))
    blocks.append(reason_field(draft.reason, "For example: INC-42, the payment queue is stuck"))
    if index.has_emergency:
        blocks.append(_emergency_field(ticked=draft.emergency))
    if draft.expanded:
        blocks += _rare_fields(index, draft)
    else:
        blocks.append(actions([button("More options", ids.MORE_OPTIONS, "more")], block_id=ids.MORE_OPTIONS))
    return modal("Request AWS access", ids.REQUEST_FORM, "Request", blocks, metadata)


def duration_field(index: AccessIndex, draft: Draft) -> Json:
    """Give the input *Duration*: a select when the choices are known, else a text.

    The text's ids never change, so what was typed stays when a choice of *Access* changes the hint. For the same reason
    Slack would not show another default then: the text begins with the shortest, which every policy allows. A select
    of its own choices has ids of its own, so that Slack shows its default.
    """
    rule = draft.entitlement.policy if draft.entitlement is not None else None
    typed = draft.duration_text
    if rule is not None and rule.emergency is not None and draft.emergency:
        brief = emergency_terms(rule)
        at_most = f"At most {spoken(brief.max_duration)} in an emergency."
        return _choice(policy.durations_offered(brief, index.shortest), brief, typed, "emergency", hint=at_most)
    shared = index.shared_durations
    if shared is not None and _is_offered(typed, shared[0]):
        offered, usual = shared
        return field("Duration", ids.DURATION, duration_select(offered, parse_duration(typed) if typed else usual))
    if rule is not None and rule.durations:
        return _choice(rule.durations, rule, typed, rule.name)
    element: Json = {
        "type": "plain_text_input",
        "action_id": ids.DURATION,
        "max_length": _DURATION_INPUT_LIMIT,
        "placeholder": plain("Like 45m, 1h30m or 2d"),
    }
    default = rule.default_duration if rule is not None else index.safe_default
    initial = typed or (compact(default) if default is not None else "")
    if initial:
        element["initial_value"] = elide(initial, _DURATION_INPUT_LIMIT)
    hint = "How long you need it, like 45m, 1h30m or 2d."
    if rule is not None:
        hint = f"At most {spoken(rule.max_duration)}, usually {spoken(rule.default_duration)}; like 45m, 1h30m or 2d."
    return field("Duration", ids.DURATION, element, hint=hint)


def emergency_terms(rule: Policy) -> Policy:
    """Give a policy with the durations of its emergency policy, where it has one."""
    brief = rule.emergency
    if brief is None:
        return rule
    return replace(rule, durations=(), default_duration=brief.default_duration, max_duration=brief.max_duration)


def _choice(offered: Sequence[timedelta], rule: Policy, typed: str, name: str, *, hint: str = "") -> Json:
    chosen = parse_duration(typed) if typed and _is_offered(typed, offered) else rule.default_duration
    return field("Duration", f"{ids.DURATION}:{name}", duration_select(offered, chosen), hint=hint)


def _initial_duration(block: Json | None) -> str:
    """Read what a shown *Duration* began with."""
    element = (block or {}).get("element")
    if not _is_json(element):
        return ""
    option_ = element.get("initial_option")
    return str((option_.get("value") if _is_json(option_) else element.get("initial_value")) or "")


def _is_json(thing: object) -> TypeGuard[Json]:
    return isinstance(thing, dict)


def _access_field(index: AccessIndex, chosen: Entitlement | None) -> Json:
    element: Json = {"action_id": ids.ACCESS, "placeholder": plain("Choose an account and a permission set")}
    if index.is_small:
        element |= {"type": "static_select", "option_groups": index.groups}
    else:
        element |= {"type": "external_select", "min_query_length": 0}
        element["placeholder"] = plain("Type an account, a permission set or a word of the description")
    if chosen is not None and index.shows(chosen):
        element["initial_option"] = access_option(chosen)
    changes = index.shared_durations is None or index.has_emergency
    return field("Access", ids.ACCESS, element, dispatches=changes)


def _emergency_field(*, ticked: bool) -> Json:
    element: Json = {"type": "checkboxes", "action_id": ids.EMERGENCY, "options": [_TICKED]}
    if ticked:
        element["initial_options"] = [_TICKED]
    hint = "Name the incident in the reason. Approved at once, told to everybody responsible, and reviewed afterwards."
    return field("Emergency", ids.EMERGENCY, element, hint=hint, dispatches=True, optional=True)


def _rare_fields(index: AccessIndex, draft: Draft) -> list[Json]:
    element: Json = {
        "action_id": ids.MORE_ACCESS,
        "placeholder": plain("Choose more, to be asked for together"),
        "max_selected_items": MOST_MORE,
    }
    if index.is_small:
        element |= {"type": "multi_static_select", "option_groups": index.groups}
    else:
        element |= {"type": "multi_external_select", "min_query_length": 0}
    chosen = [access_option(entitlement) for entitlement in draft.more if index.shows(entitlement)]
    if chosen:
        element["initial_options"] = chosen
    return [
        field("More access", ids.MORE_ACCESS, element, optional=True),
        person_field(
            "For", ids.FOR, draft.person, hint="A colleague, who has to confirm it. Empty: yourself.", optional=True
        ),
        moment_field("Starts", ids.STARTS, draft.starts, hint="Empty: as soon as it is approved.", optional=True),
    ]


def _is_offered(typed: str, offered: Sequence[timedelta]) -> bool:
    """Tell whether a select can show what was typed; a duration beside the choices stays a text, not lost."""
    if not typed:
        return True
    try:
        return parse_duration(typed) in offered
    except FieldRefused:
        return False
