"""Whom a message mentions, and so pings."""

import re
from collections.abc import Collection, Iterator
from typing import Any

from accessbot.sandbox.slack.people import UserGroup

Json = dict[str, Any]

_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_MENTION = re.compile(
    r"<(?:@(?P<user>[UW]\w+)|!subteam\^(?P<group>S\w+)|!(?P<all>here|channel|everyone))(?:\|[^<>]*)?>"
)


def mentioned(
    text: str, blocks: list[Json], around: Collection[str], user_groups: Collection[UserGroup]
) -> frozenset[str]:
    """Return who of those `around` (the ids of who sees the message) is mentioned in it.

    By id, through a user group, or with everybody. With blocks only those count, of these only mrkdwn, and in that only
    what is no code; names that were escaped mention nobody.
    """
    found: set[str] = set()
    for piece in _mrkdwn(blocks) if blocks else (text,):
        for match in _MENTION.finditer(_CODE.sub("", piece)):
            if match["user"]:
                found.add(match["user"])
            elif match["group"]:
                found.update(*(group.members for group in user_groups if group.id == match["group"]))
            else:
                found.update(around)
    return frozenset(found & set(around))


def _mrkdwn(thing: object) -> Iterator[str]:
    if isinstance(thing, dict):
        if thing.get("type") in {"mrkdwn", "markdown"} and isinstance(thing.get("text"), str):
            yield thing["text"]
        for key, value in thing.items():
            if key not in {"options", "option_groups"}:
                yield from _mrkdwn(value)
    elif isinstance(thing, list):
        for item in thing:
            yield from _mrkdwn(item)
