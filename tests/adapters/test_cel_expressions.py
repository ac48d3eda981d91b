"""Expressions and patterns of the catalog: what they give, what is a mistake in them, and what they may not cost."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from subprocess import run

import cel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accessbot.adapters import cel_expressions
from accessbot.adapters.cel_expressions import VARIABLES, CelExpressions, check, check_pattern
from accessbot.domain.errors import Refused
from accessbot.domain.verdicts import variables
from tests.domain.ruling import ASKER, a_question

TWENTY = 20


def gives(expression: str) -> bool:
    """Evaluate an expression for an hour of production by Maya, on a Tuesday at ten (UTC)."""
    return CelExpressions().holds(expression, variables(a_question()))


GIVES: dict[str, bool] = {
    'requester.email.endsWith("@example.com")': True,
    'requester.slack == "U_OTHER"': False,
    'entitlement.id == "production-admin" && entitlement.tags.risk == "high"': True,
    'account.key == "production" && account.id == "111122223333" && account.name == "Production"': True,
    'account.unit.startsWith("prod/") && account.tags["risk"] == "medium"': True,
    'permission_set.startsWith("Admin")': True,
    'duration > duration("30m") && duration <= duration("1h")': True,
    'now > timestamp("2026-11-24T09:59:59Z") && now.getHours() == 10 && now.getDayOfWeek() == 2': True,
    "emergency || !emergency": True,
    'reason.matches("^OPS-[0-9]+$")': True,
    "reason.matches(r'^CHG-\\d+$')": False,
    'has(account.tags.team) && account.tags.team == "payments"': False,
    '["@contractor.example.com", "@example.com"].exists(end, requester.email.endsWith(end))': True,
    'requester.email in ["noah@example.com"] ? true : false': False,
    'reason.size() < 10 // a comment with "quotes': True,
}


@pytest.mark.parametrize(("expression", "given"), GIVES.items())
def test_an_expression_gives_what_it_says(expression: str, given: bool) -> None:  # noqa: FBT001 - a row's outcome
    """Every variable of the catalog's reference can be used, and such an expression is no mistake."""
    assert check(expression) is None
    assert gives(expression) is given


def shape(value: object) -> object:
    """Give the type of a value, or the names of its fields."""
    return tuple(value) if isinstance(value, dict) else type(value)


def test_the_variables_are_those_of_a_question() -> None:
    """What a mistake offers as known names is what a question gives, field by field."""
    question = variables(a_question())
    assert tuple(question) == VARIABLES
    for sample in cel_expressions.SAMPLES:
        assert {name: shape(value) for name, value in sample.items()} == {n: shape(v) for n, v in question.items()}


def test_questions_do_not_leak_into_each_other() -> None:
    """One evaluator gives every question its own answer, in turn and from several threads."""
    expressions = CelExpressions()
    asked = [variables(a_question(requester=replace(ASKER, slack=f"U{n}"))) for n in range(TWENTY)]

    def right(n: int) -> bool:
        return expressions.holds(f'requester.slack == "U{n % TWENTY}"', asked[n % TWENTY])

    assert all(right(n) for n in range(TWENTY))
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(right, range(50 * TWENTY)))


FAILS: dict[str, str] = {
    'account.tags.team == "payments"': "names 'team', which is not there; ask for it with has",
    "1 / (reason.size() - 5) == 1": "fails: division by zero",
    "9223372036854775807 + duration.getHours() > 0": "fails: Arithmetic overflow",
    "int(reason) == 1": "fails: Function 'int' error",
    "duration > 5": "mixes values of different types",
    "nobody": "calls nobody with something",
    "reason": "gives neither true nor false",
    "1": "gives neither true nor false",
    "null": "gives neither true nor false",
    "1 +": "fails: Failed to parse",
    "": "is empty",
}


@pytest.mark.parametrize(("expression", "why"), FAILS.items())
def test_an_expression_that_fails_is_refused(expression: str, why: str) -> None:
    """What fails, or gives anything but true or false, is refused: it is never read as a yes or a no."""
    with pytest.raises(Refused) as refused:
        gives(expression)
    assert why in refused.value.sentence


def test_a_reason_that_is_no_unicode_is_refused() -> None:
    """Half a character in a reason refuses its own request, as nothing can be told of it; patterns are found still."""
    odd = a_question(reason="OPS-1 \ud800")
    with pytest.raises(Refused, match="The expression “emergency” fails"):
        CelExpressions().holds("emergency", variables(odd))
    assert CelExpressions().find(r"OPS-\d+", odd.reason) == "OPS-1"


def test_a_panic_of_the_library_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A panic in the library, which is no ordinary exception, is refused like any failure; an interrupt goes on."""
    panic = type("PanicException", (BaseException,), {})

    def fail(error: type[BaseException]) -> None:
        def compiled(_: str) -> cel.Program:
            raise error

        monkeypatch.setattr(cel_expressions, "_program", compiled)

    fail(panic)
    with pytest.raises(Refused, match="The evaluator broke off"):
        gives("true")
    assert check("true") == "is no CEL: it cannot be read"
    fail(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        gives("true")


MISTAKES: dict[str, str] = {
    "": "is empty",
    " ": "is empty",
    "1 +": "is no CEL: at character 4: mismatched input its end",
    "reason = 'x'": "is no CEL: at character 8: token recognition error at: '= '",
    '"abc': "is no CEL: at character 1: token recognition error",
    "nobody": "names “nobody”, which is not known; it can use requester, entitlement,",
    "true || nobody": "names “nobody”, which is not known",
    'requester.emial == "x"': "names “requester.emial”, which is not known; it can use requester.email, req",
    "true || has(account.tag)": "names “account.tag”, which is not known; it can use account.key,",
    'requester["email"] == "x"': "has to name what it takes of requester after a dot, like requester.email",
    'reason.lowerAscii() == "x"': "calls “lowerAscii”, which is not known; it can call contains, double,",
    'now.getHours("Europe/Berlin") > 3': "calls getHours with something that it does not take",
    "duration > 5": "mixes values of different types (write durations like duration(",
    "reason": "gives neither true nor false",
    "emergency ? 1 : 2": "gives neither true nor false",
    'reason.matches("(a")': 'matches "(a", which is no regular expression: unclosed group',
    "true || reason.matches(r'(?=a)')": "which is no regular expression: look-around",
    "reason.matches(reason)": "has to write the pattern of matches in quotes",
    'reason.matches("a" + reason)': "has to write the pattern of matches in quotes",
    "[1].exists(a, [1].all(b, a == b))": "may walk one list with all, exists or exists_one, without matches",
    '["a"].exists(a, reason.matches("a"))': "may walk one list with all, exists or exists_one, without matches",
    "[1].map(a, a).size() == 1": "may walk one list",
    "[1].filter(a, true).size() == 1": "may walk one list",
    " || ".join(['reason.matches("a")'] * 6): "uses matches more than 5 times",
    f"reason == '{'a' * 1_000}'": "has 1,012 characters; shorten it to 1,000",
}


@pytest.mark.parametrize(("expression", "mistake"), MISTAKES.items())
def test_a_mistake_in_an_expression_is_told(expression: str, mistake: str) -> None:
    """A mistake is told in words that end a sentence, also in a part that would not always be looked at."""
    told = check(expression)
    assert told is not None
    assert mistake in told


def test_what_stands_in_quotes_is_no_name() -> None:
    """Text in quotes and comments are left alone, whatever they look like."""
    assert check("reason == 'requester.nobody ((((((((((((((((((((((((' // account.nothing") is None
    assert check('reason == "say \\"requester.nobody\\" [" || reason == r\'\\\'') is None
    assert check("reason.contains('.map(') || reason == '''it's requester.x'''") is None


HOSTILE = {
    "parentheses": "(" * 490 + "true" + ")" * 490,
    "lists": "[" * 490 + "]" * 490,
    "indexes": "reason" + "[reason" * 130 + "]" * 130,
    "calls": "size(" * 160 + "reason" + ")" * 160,
    "maps": "{1:" * 240 + "1" + "}" * 240,
    "conditions": "emergency?" * 50 + "true" + ":true" * 50,
    "with closing ones in quotes": "(')' == '' || " * 60 + "true" + ")" * 60,
    "negations": "!" * 990 + "emergency",
    "signs": "-" * 990 + "1 == 1",
    "a long chain": "||".join(["emergency"] * 90),
    "a long list": f"[{'0,' * 480}0].all(a, true)",
    "loops in loops": "".join(f"[0,0,0,0,0,0,0,0].all({name}," for name in "abcdefghij") + "true" + ")" * 10,
}


@pytest.mark.parametrize("expression", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_expression_neither_crashes_nor_hangs(expression: str) -> None:
    """In a thread with half a megabyte of stack, each is answered in a moment: judged, or refused as a mistake."""
    program = (
        "import sys, threading\n"
        "from accessbot.adapters.cel_expressions import CelExpressions, check\n"
        "from accessbot.domain.errors import Refused\n"
        "def judge():\n"
        "    check(sys.argv[1])\n"
        "    try:\n"
        "        CelExpressions().holds(sys.argv[1], {'emergency': False, 'reason': 'x'})\n"
        "    except Refused:\n"
        "        pass\n"
        "    print('answered')\n"
        "threading.stack_size(512 * 1024)\n"
        "thread = threading.Thread(target=judge)\n"
        "thread.start()\n"
        "thread.join()\n"
    )
    done = run([sys.executable, "-c", program, expression], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (0, "answered\n"), done.stderr


SIGNS = list("()[]{}?:!-=<>|&.,/\\'\" \n\x001é")
WORDS = [
    "||",
    "&&",
    "r'",
    "reason",
    "now",
    "duration",
    "has(",
    "size(",
    ".matches(",
    ".all(x,",
    " in ",
    "9223372036854775807",
]


@given(st.lists(st.sampled_from(SIGNS + WORDS), max_size=60).map("".join) | st.text(max_size=40))
@settings(max_examples=300)
def test_whatever_is_written_is_answered(expression: str) -> None:
    """Any text is an expression or a mistake, and gives a bool or is refused."""
    mistake = check(expression)
    assert mistake is None or mistake
    with suppress(Refused):
        assert isinstance(gives(expression), bool)


FOUND: dict[str, tuple[str, str, str]] = {
    "the whole text": (r"OPS-\d+", "OPS-12", "OPS-12"),
    "a word of it": (r"OPS-\d+", "restart for OPS-12 now", "OPS-12"),
    "in brackets and before a comma": (r"OPS-\d+", "see (OPS-12), please", "OPS-12"),
    "in quotes": (r"OPS-\d+", "“OPS-12”", "OPS-12"),
    "the first of two": (r"OPS-\d+", "OPS-1 OPS-2", "OPS-1"),
    "a sign that belongs to it": (r"#\d+", "fixes (#12).", "#12"),
    "an address": (
        r"https://tickets\.example\.com/\d+",
        "at https://tickets.example.com/7.",
        "https://tickets.example.com/7",
    ),
    "a part of a word": (r"OPS-\d+", "XOPS-12 OPS-12x", ""),
    "in other case": (r"OPS-\d+", "ops-12", ""),
    "in any case, if the pattern says so": (r"(?i)OPS-\d+", "ops-12", "ops-12"),
    "one of two": (r"OPS-\d+|CHG\d+", "CHG7", "CHG7"),
    "one of two is not a part": (r"OPS|CHG", "OPS-1 XCHG", ""),
    "with anchors of its own": (r"^OPS-\d+$", "for OPS-12", "OPS-12"),
    "over two words": (r"OPS \d+", "OPS 12", ""),
    "in no text": (r".*", " \n ", ""),
    "in a word that is too long": (r"a+", "a" * 101, ""),
    "in the longest word": (r"a+", "a" * 100, "a" * 100),
}


@pytest.mark.parametrize(("pattern", "text", "ticket"), FOUND.values(), ids=FOUND)
def test_a_pattern_finds_a_word(pattern: str, text: str, ticket: str) -> None:
    """The first word that wholly matches is found, with punctuation around it aside."""
    assert check_pattern(pattern) is None
    assert CelExpressions().find(pattern, text) == ticket


BAD_PATTERNS: dict[str, str] = {
    "": "is empty",
    "(a": "is no regular expression: unclosed group",
    "a)|(b": "is no regular expression: unopened group",
    r"(a)\1": "is no regular expression: backreferences are not supported",
    "(?=a)": "is no regular expression: look-around",
    "(?x)a#": "is no regular expression: unclosed group",
    "a{1000}{1000}{1000}": "is no regular expression: Compiled regex exceeds size limit",
    "(" * 190 + ")": "is no regular expression: unclosed group",
    "a" * 201: "has 201 characters; shorten it to 200",
}


@pytest.mark.parametrize(("pattern", "mistake"), BAD_PATTERNS.items())
def test_a_bad_pattern_is_told_and_never_matched(pattern: str, mistake: str) -> None:
    """What is no pattern, or costs too much to keep, is told in words and refused where it should match."""
    told = check_pattern(pattern)
    assert told is not None
    assert mistake in told
    with pytest.raises(Refused, match="A pattern of the catalog"):
        CelExpressions().find(pattern, "a")


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a*)*b",
        r"(\w+\s?)+$",
        "(a|a)*b",
        "(.*a){20}b",
        "(a{0,100}){0,100}",
        "a?" * 50 + "a" * 50,
        r"\w{150}x",
    ],
)
def test_a_hostile_pattern_takes_a_moment(pattern: str) -> None:
    """Patterns that blow up elsewhere are done with the longest reason in far less than a second."""
    expressions = CelExpressions()
    expressions.find(pattern, "a")
    begun = time.process_time()
    for text in ("a" * 1_000, "a " * 500, f"{'a' * 99} " * 10):
        expressions.find(pattern, text)
    assert time.process_time() - begun < 1
