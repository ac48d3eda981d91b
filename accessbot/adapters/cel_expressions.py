"""CEL for the catalog's conditions, and regular expressions for tickets, both bounded in what they can cost.

An expression is checked before it is compiled: its length, how deep it nests (the parser recurses), and how often it
walks a list or matches a pattern. So one that a catalog holds can neither crash the process nor keep it busy.
Patterns are matched by an engine that takes linear time (Rust's `regex`, as in CEL itself), compiled once each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from itertools import product
from typing import Annotated, Final

import cel
from pydantic import StringConstraints, TypeAdapter
from pydantic_core import SchemaError

from accessbot.domain.errors import Refused

_LONGEST: Final = 1_000
_LONGEST_PATTERN: Final = 200
_LONGEST_WORD: Final = 100
_DEEPEST: Final = 20
_MOST_MATCHES: Final = 5
_MOST_MARKS: Final = 3

SAMPLES: Final[tuple[dict[str, object], ...]] = tuple(
    {
        "requester": {"email": "maya@example.com", "slack": "U0000000001"},
        "entitlement": {"id": "production-admin", "tags": {}},
        "account": {"key": "production", "id": "111122223333", "name": "Production", "unit": "prod", "tags": {}},
        "permission_set": "AdministratorAccess",
        "duration": duration,
        "now": datetime(2026, 1, 5, 9, tzinfo=UTC),
        "emergency": emergency,
        "reason": "OPS-1 restart",
    }
    for duration, emergency in ((timedelta(minutes=30), False), (timedelta(days=30), True))
)
"""Made-up values of all variables, of the types that a question gives."""

VARIABLES: Final = tuple(SAMPLES[0])
"""The names that an expression may use."""

_FIELDS: Final = {name: tuple(value) for name, value in SAMPLES[0].items() if isinstance(value, dict)}
_CLOCK: Final = "FullYear Month Date DayOfMonth DayOfWeek DayOfYear Hours Minutes Seconds"
_CALLS: Final = "contains startsWith endsWith matches size string int double duration timestamp"
_FUNCTIONS: Final = frozenset(_CALLS.split()) | {f"get{part}" for part in _CLOCK.split()}

_RAW = r"""(?<!\w)(?:[rR][bB]?|[bB][rR])(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"[^"\n]*"|'[^'\n]*')"""
_COOKED = r"""\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'"""
_LITERAL: Final = re.compile(rf"{_RAW}|{_COOKED}|//[^\n]*", re.DOTALL)
_FIELD: Final = re.compile(rf"(?<![\w.])({'|'.join(_FIELDS)})\s*\.\s*([A-Za-z_]\w*)")
_BRACKET: Final = re.compile(rf"(?<![\w.])({'|'.join(_FIELDS)})\s*\[")
_WALK: Final = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(\s*(\w*)")
_MAKES: Final = re.compile(r"\.\s*(?:map|filter)\s*\(")
_MATCH: Final = re.compile(r'\bmatches\s*\(\s*""\s*\)')
_MATCHED: Final = re.compile(rf"\bmatches\s*\(\s*({_RAW}|{_COOKED})", re.DOTALL)
_PLACEHOLDER: Final = '""'


class CelExpressions:
    """The socket's CEL: what was compiled is kept, up to a bound."""

    def __init__(self) -> None:
        self._last: tuple[Mapping[str, object], cel.Context] | None = None

    def holds(self, expression: str, variables: Mapping[str, object]) -> bool:
        """Evaluate an expression. Raises `Refused` when it fails or gives no bool: that is never yes and never no.

        The rules of one question ask with the very same mapping, which is not to be changed in between.
        """
        mistake = _unbounded(expression)
        if mistake is not None:
            raise Refused(f"An expression of the catalog {mistake}.")
        given = _guarded(partial(self._given, expression, variables))
        if isinstance(given, bool):
            return given
        if isinstance(given, Exception):
            raise Refused(f"The expression {_shown(expression)} {_failure(given)}.") from given
        raise Refused(f"The expression {_shown(expression)} gives neither true nor false.")

    def _given(self, expression: str, variables: Mapping[str, object]) -> object:
        """Evaluate an expression; the variables of one question are converted once."""
        last = self._last
        if last is None or last[0] is not variables:
            last = self._last = variables, cel.Context(variables=dict(variables))
        return _program(expression).execute(last[1])

    def find(self, pattern: str, text: str) -> str:
        """Give the first word of a text that wholly matches, punctuation around it aside; "" if there is none.

        A word of more than 100 characters is none. Raises `Refused` for what is no pattern.
        """
        mistake = check_pattern(pattern)
        if mistake is not None:
            raise Refused(f"A pattern of the catalog {mistake}.")
        wholly = _matcher(rf"\A(?:{pattern})\z")
        for word in text.split():
            for form in _forms(word):
                if 0 < len(form) <= _LONGEST_WORD and wholly(form):
                    return form
        return ""


def check(expression: str) -> str | None:
    """Tell what is wrong with an expression, as the end of a sentence that it begins; None when nothing is.

    It has to compile, to know its names and functions, and to give a bool for made-up values. What only fails for
    some values is no mistake here: `holds` refuses it.
    """
    mistake = _unbounded(expression)
    if mistake is not None:
        return mistake
    program = _guarded(partial(_program, expression))
    if not isinstance(program, cel.Program):
        return f"is no CEL: {_parse_error(program)}"
    return _unknown(program, expression) or _bad_patterns(expression) or _tried(program)


@lru_cache(maxsize=1_024)
def check_pattern(pattern: str) -> str | None:
    """Tell what is wrong with a regular expression, as the end of a sentence that it begins; None when nothing is."""
    if not pattern.strip():
        return "is empty"
    if len(pattern) > _LONGEST_PATTERN:
        return f"has {len(pattern):,} characters; shorten it to {_LONGEST_PATTERN}"
    for form in (pattern, rf"\A(?:{pattern})\z"):
        try:
            _matcher(form)
        except SchemaError as error:
            return f"is no regular expression: {_regex_error(str(error))}"
    return None


def _unbounded(expression: str) -> str | None:
    """Tell what about an expression could cost too much; judged from its text alone, before anything parses it."""
    if not expression.strip():
        return "is empty"
    if len(expression) > _LONGEST:
        return f"has {len(expression):,} characters; shorten it to {_LONGEST:,}"
    bare = _LITERAL.sub(_PLACEHOLDER, expression)
    depth = deepest = 0
    for character in bare:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    if deepest > _DEEPEST or bare.count("?") > _DEEPEST:
        return f"nests deeper than {_DEEPEST} levels"
    return _costly(bare)


def _costly(bare: str) -> str | None:
    """Tell whether an expression (without what stands in quotes) loops in a loop, or matches too much."""
    walks, matches = len(_WALK.findall(bare)), bare.count("matches")
    if walks > 1 or (walks and matches) or _MAKES.search(bare):
        return "may walk one list with all, exists or exists_one, without matches"
    if matches > _MOST_MATCHES:
        return f"uses matches more than {_MOST_MATCHES} times"
    if matches != len(_MATCH.findall(bare)):
        return "has to write the pattern of matches in quotes"
    return None


def _unknown(program: cel.Program, expression: str) -> str | None:
    """Tell which name or function of an expression is not known."""
    bare = _LITERAL.sub(_PLACEHOLDER, expression)
    bound = {found[1] for found in _WALK.finditer(bare)}
    for name in program.variables():
        if name not in VARIABLES and name not in bound:
            return f"names “{name}”, which is not known; it can use {', '.join(VARIABLES)}"
    for name in program.functions():
        if name not in _FUNCTIONS and name[0] not in "_@!-":
            return f"calls “{name}”, which is not known; it can call {', '.join(sorted(_FUNCTIONS))}"
    for found in _FIELD.finditer(bare):
        name, field = found.groups()
        if field not in _FIELDS[name] and not bound & {name}:
            known = ", ".join(f"{name}.{field}" for field in _FIELDS[name])
            return f"names “{name}.{field}”, which is not known; it can use {known}"
    bracket = _BRACKET.search(bare)
    if bracket is not None:
        return f"has to name what it takes of {bracket[1]} after a dot, like {bracket[1]}.{_FIELDS[bracket[1]][0]}"
    return None


def _bad_patterns(expression: str) -> str | None:
    """Tell which pattern that an expression matches is none."""
    for found in _MATCHED.finditer(expression):
        literal = found[1]
        pattern = _guarded(partial(cel.evaluate, literal))
        mistake = check_pattern(pattern) if isinstance(pattern, str) else None
        if mistake is not None:
            return f"matches {literal[:40]}, which {mistake}"
    return None


def _tried(program: cel.Program) -> str | None:
    """Tell what an expression comes to for made-up values, if that can never be right."""
    for sample in SAMPLES:
        given = _guarded(partial(program.execute, dict(sample)))
        if isinstance(given, TypeError) or (isinstance(given, RuntimeError) and str(given).startswith("Undefined")):
            return _failure(given)
        if not isinstance(given, (bool, Exception)):
            return "gives neither true nor false"
    return None


def _guarded(call: Callable[[], object]) -> object:
    """Give what a call gives, or the exception that it raised.

    A panic of the library's Rust is a `BaseException` of a class that cannot be imported; it becomes an ordinary one.
    """
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller turns it into a refusal
        return error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        return RuntimeError("The evaluator broke off.")


def _failure(error: Exception) -> str:
    """Say why an expression failed, as the end of a sentence."""
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, KeyError):
        return f"names {said}, which is not there; ask for it with has(…) first"
    undefined = re.match(r"Undefined variable or function: '(\w+)'", said)
    if undefined is not None:
        return f"calls {undefined[1]} with something that it does not take"
    if isinstance(error, TypeError):
        return 'mixes values of different types (write durations like duration("1h"))'
    return f"fails: {said.split('. ')[0].rstrip('.')[:200]}"


def _parse_error(error: object) -> str:
    """Give the parser's own words: where, and what it met."""
    found = re.search(r"<input>:(\d+):(\d+): (?:Syntax error: )?([^\n]*)", str(error))
    if found is None:
        return "it cannot be read"
    met = found[3].split(" expecting ")[0].replace("'<EOF>'", "its end")
    return f"at character {found[2]}: {met[:200]}"


def _regex_error(said: str) -> str:
    """Give the engine's own words without the picture around them."""
    found = re.search(r"error: (.*)", said)
    return found[1] if found is not None else said.splitlines()[-1].removeprefix("  SchemaError: ").rstrip(".")


def _shown(expression: str) -> str:
    return f"“{expression[:60]}{'…' if len(expression) > 60 else ''}”"  # noqa: PLR2004 - a line's worth


def _forms(word: str) -> Iterator[str]:
    """Give a word with ever more of the punctuation around it stripped, as some of it may belong to the word."""
    for begin, end in product(_marks(word), _marks(word[::-1])):
        yield word[begin : len(word) - end]


def _marks(word: str) -> tuple[int, ...]:
    """Give how many characters to strip at the start of a word: none, up to three, and all that is punctuation."""
    most = next((at for at, character in enumerate(word) if character.isalnum()), len(word))
    return tuple(dict.fromkeys((*range(min(most, _MOST_MARKS) + 1), most)))


@lru_cache(maxsize=1_024)
def _program(expression: str) -> cel.Program:
    return cel.compile(expression)


@lru_cache(maxsize=256)
def _matcher(pattern: str) -> Callable[[str], bool]:
    """Give a function that searches for a pattern. Raises `SchemaError` for what is none."""
    return TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)]).validator.isinstance_python
