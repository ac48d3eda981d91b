"""Google's partial responses: the `fields` parameter, for example `nextPageToken,members(id,email)`."""

from __future__ import annotations

import re
from typing import Any

_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*|\*|[(),/])")


class FieldsError(ValueError):
    """The `fields` parameter cannot be read."""


def select(body: dict[str, Any], fields: str) -> dict[str, Any]:
    """Keep what `fields` names, at every depth; names that are absent are left out. Raises FieldsError."""
    tree, rest = _parse(_tokens(fields))
    if rest:
        raise FieldsError(fields)
    picked: dict[str, Any] = _pick(body, tree)
    return picked


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise FieldsError(text)
        found.append(match.group(1))
        at = match.end()
    return found


def _parse(tokens: list[str]) -> tuple[dict[str, Any], list[str]]:
    tree: dict[str, Any] = {}
    while True:
        if not tokens or tokens[0] in "(),/":
            raise FieldsError("".join(tokens))
        path = [tokens[0]]
        tokens = tokens[1:]
        while len(tokens) > 1 and tokens[0] == "/":
            path.append(tokens[1])
            tokens = tokens[2:]
        below: dict[str, Any] = {}
        if tokens and tokens[0] == "(":
            below, tokens = _parse(tokens[1:])
            if not tokens or tokens[0] != ")":
                raise FieldsError("".join(tokens))
            tokens = tokens[1:]
        for name in reversed(path[1:]):
            below = {name: below}
        tree.setdefault(path[0], {}).update(below)
        if not tokens or tokens[0] != ",":
            return tree, tokens
        tokens = tokens[1:]


def _pick(value: Any, tree: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    if not tree or "*" in tree:
        return value
    if isinstance(value, list):
        return [_pick(each, tree) for each in value]
    if isinstance(value, dict):
        return {name: _pick(value[name], below) for name, below in tree.items() if name in value}
    return value
