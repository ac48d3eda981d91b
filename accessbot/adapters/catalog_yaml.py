"""YAML as a tree of texts with line numbers: nothing is converted, no tag is honoured, and no file can be a bomb.

Read from the parser's events, because they come without recursion and are much faster than composed nodes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import yaml

MOST_BYTES = 32 * 1024 * 1024
MOST_ALIASES = 1_000
DEEPEST = 12

_TOO_DEEP = "this is nested deeper than any part of a catalog is."
_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_PLAIN_KINDS = {
    "bool": "true or false",
    "float": "a number",
    "int": "a number",
    "null": "nothing",
    "timestamp": "a date",
}
_RESOLVERS = yaml.SafeLoader.yaml_implicit_resolvers


class YamlMistake(Exception):
    """The text is no YAML that a catalog may be; `line` counts from 1."""

    def __init__(self, line: int, sentence: str) -> None:
        """Keep where and what."""
        super().__init__(sentence)
        self.line = line
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar as it is written; `plain` is true when it has no quotes."""

    line: int
    value: str
    plain: bool

    @property
    def reads_as(self) -> str:
        """Name what YAML takes an unquoted text for that was meant as text (`a number`), "" if for a text."""
        if not self.plain:
            return ""
        for tag, pattern in _RESOLVERS.get(self.value[:1], ()):
            kind = tag.rpartition(":")[2]
            if kind in _PLAIN_KINDS and pattern.match(self.value):
                return _PLAIN_KINDS[kind]
        return ""


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    line: int
    items: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping, as pairs in file order: keys may repeat, which is for the reader to refuse."""

    line: int
    pairs: list[tuple[Node, Node]] = field(default_factory=list)


Node = Text | Items | Fields


def parse(data: bytes) -> Node | None:
    """Read the one document of a file; None when it holds nothing.

    Raises `YamlMistake` for what is not UTF-8, not YAML, more than one document, tagged, nested too deep, too big, or
    full of aliases.
    """
    text = _decoded(data)
    try:
        return _tree(text)
    except yaml.MarkedYAMLError as error:
        lines = [mark.line + 1 for mark in (error.problem_mark, error.context_mark) if mark is not None]
        # What was never closed is best looked for where it begins, not at the end of the file.
        line = next((line for line in lines if line <= text.rstrip().count("\n") + 1), 1)
        problem = " ".join(part for part in (error.context, error.problem) if part)
        if "nesting depth" in problem:  # the parser's own bound, which it may come to before ours
            raise YamlMistake(line, _TOO_DEEP) from error
        raise YamlMistake(line, f"this is not valid YAML: {problem}.") from error


def _decoded(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise YamlMistake(
            1, f"the file is larger than {MOST_BYTES // 1024 // 1024} MB; split what nobody asks for off."
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise YamlMistake(line, "this is not UTF-8; save the file in that encoding.") from error
    strange = _UNPRINTABLE.search(text)
    if strange:
        line = text.count("\n", 0, strange.start()) + 1
        raise YamlMistake(line, f"the character U+{ord(strange[0]):04X} cannot be printed; remove it.")
    return text


def _line(event: yaml.Event) -> int:
    mark = event.start_mark
    return 1 if mark is None else int(mark.line) + 1


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end was not reached yet; a mapping's keys and values alternate in `children`."""

    start: yaml.NodeEvent
    children: list[Node] = field(default_factory=list)

    def closed(self) -> Node:
        """Make the finished node."""
        if isinstance(self.start, yaml.SequenceStartEvent):
            return Items(_line(self.start), self.children)
        return Fields(_line(self.start), list(zip(self.children[::2], self.children[1::2], strict=True)))


def _tree(text: str) -> Node | None:
    root: list[Node] = []
    stack: list[_Open] = []
    anchors: dict[str, Node] = {}
    aliases = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.ScalarEvent):
            node: Node = Text(_line(event), event.value, bool(event.implicit[0]))
            _note(event, node, anchors)
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            stack.append(_Open(event))
            if len(stack) > DEEPEST:
                raise YamlMistake(_line(event), _TOO_DEEP)
            continue
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            done = stack.pop()
            node = done.closed()
            _note(done.start, node, anchors)
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
            node = _referred(event, anchors, aliases)
        elif isinstance(event, yaml.DocumentStartEvent) and root:
            raise YamlMistake(_line(event), "a second document begins here; a catalog is one, so remove the “---”.")
        else:
            continue
        (stack[-1].children if stack else root).append(node)
    return root[0] if root else None


def _note(event: yaml.NodeEvent, node: Node, anchors: dict[str, Node]) -> None:
    """Keep a node under its anchor; refuse a tag."""
    if event.anchor is not None:
        anchors[event.anchor] = node
    tag = getattr(event, "tag", None)
    if tag is not None:
        raise YamlMistake(_line(event), f"the tag {tag} has no meaning here; remove it.")


def _referred(event: yaml.AliasEvent, anchors: dict[str, Node], count: int) -> Node:
    if count > MOST_ALIASES:
        raise YamlMistake(_line(event), f"there are more than {MOST_ALIASES:,} aliases; write the values out.")
    if event.anchor not in anchors:
        raise YamlMistake(_line(event), f"*{event.anchor} refers to nothing that ends before it.")
    return anchors[event.anchor]
