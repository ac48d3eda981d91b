"""Messages to the operators: what is wrong, what to do, and when it is over. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accessbot.slack.blocks import Message, context, section
from accessbot.slack.phrases import opens
from accessbot.slack.text import escape, mention, utc, when

if TYPE_CHECKING:
    from accessbot.domain.notices import Alert


def render(alert: Alert) -> Message:
    """Give the message; the same alert is one message that changes, not a row of them."""
    mark, word = (":white_check_mark:", "Over") if alert.resolved else (":rotating_light:", "Alert")
    blocks = [section(f"{mark} *{word}: {escape(alert.headline)}*")]
    if not alert.resolved and alert.action:
        blocks.append(section(f"*What to do*\n{escape(alert.action)}"))
    facts = [f"Since {when(alert.since)}"]
    if alert.grant is not None:
        grant = alert.grant
        facts.append(f"{opens(None, grant, grant.entitlement)} of {mention(grant.requester)}")
        facts.append(f"grant {escape(grant.id)}")
    blocks.append(context(" · ".join(facts)))
    todo = "" if alert.resolved else f" {alert.action}"
    headline = alert.headline.rstrip(".")
    return Message(f"{word}: {escape(headline)}.{escape(todo)} Since {utc(alert.since)}.", blocks)
