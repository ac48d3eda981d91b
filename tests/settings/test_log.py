"""Logging: one stream, one shape, and no secret in it."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from accessbot import log

OWN_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture
def restored() -> Iterator[None]:
    """Logging as it was, after a test that sets it up."""
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook)
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], sys.excepthook, threading.excepthook = handlers, *hooks
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def stream(restored: None) -> io.StringIO:  # noqa: ARG001 - a fixture asked for its effect
    """Where the lines of a process without a terminal go."""
    written = io.StringIO()
    log.configure("INFO", hide=[OWN_SECRET, "abc"], stream=written)
    return written


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """The lines written so far, each read back from JSON."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_off_a_terminal_each_line_is_one_json_object(stream: io.StringIO) -> None:
    """Machines get objects with the time in UTC, the level, the logger and the fields."""
    log.get("accessbot.part").info("grant.active", grant="g_1", seconds=1.5, people=["a", "b"], nothing=None)
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "grant.active",
        "level": "info",
        "logger": "accessbot.part",
        "grant": "g_1",
        "seconds": 1.5,
        "people": ["a", "b"],
        "nothing": None,
    }


@pytest.mark.usefixtures("restored")
def test_on_a_terminal_lines_are_for_reading() -> None:
    """People get text with the same fields, redacted alike."""
    terminal = Terminal()
    log.configure(stream=terminal)
    log.get("accessbot").info("grant.active", grant="g_1", answer="xoxb-1-secret")
    assert "grant.active" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")
    assert "secret" not in terminal.getvalue()


def test_the_standard_library_goes_the_same_way(stream: io.StringIO) -> None:
    """A library's record becomes a line of the same shape, redacted."""
    logging.getLogger("some.library").warning("retrying %s", "https://hooks.slack.com/commands/T1/2/three")
    (line,) = lines(stream)
    assert (line["logger"], line["level"], line["event"]) == ("some.library", "warning", "retrying [redacted]")


@pytest.mark.parametrize("name", ["slack_bolt.App", "slack_sdk.web", "rq.worker", "urllib3", "botocore.hooks"])
def test_chatty_libraries_speak_from_warning_on(stream: io.StringIO, name: str) -> None:
    """What libraries tell in passing, request bodies among it, is not written even when we debug."""
    log.configure("DEBUG", stream=stream)
    logging.getLogger(name).info("body=...")
    logging.getLogger(name).warning("pay attention")
    assert [line["event"] for line in lines(stream)] == ["pay attention"]


def test_the_level_holds(stream: io.StringIO) -> None:
    """Below the level nothing is written, and setting up again does not double lines."""
    log.configure("ERROR", stream=stream)
    log.configure("WARNING", stream=stream)
    log.get("accessbot").info("quiet")
    log.get("accessbot").warning("heard")
    assert [line["event"] for line in lines(stream)] == ["heard"]


def test_warnings_are_log_lines(stream: io.StringIO) -> None:
    """A Python warning does not go to the terminal past the log."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old thing", UserWarning, stacklevel=1)
    assert any("old thing" in line["event"] for line in lines(stream))


def test_bound_fields_are_on_every_line_of_the_block(stream: io.StringIO) -> None:
    """Ours and libraries' lines carry them, nested blocks add to them, and after the block they are gone."""
    with log.bound(request="r_1"):
        with log.bound(person="U1"):
            log.get("accessbot").info("one")
            logging.getLogger("library").warning("two")
        log.get("accessbot").info("three")
    log.get("accessbot").info("four")
    found = [(line["event"], line.get("request"), line.get("person")) for line in lines(stream)]
    assert found == [("one", "r_1", "U1"), ("two", "r_1", "U1"), ("three", "r_1", None), ("four", None, None)]


def test_bound_fields_stay_in_their_thread(stream: io.StringIO) -> None:
    """Two listeners at once do not see each other's fields."""
    both = threading.Barrier(2)

    def listen(person: str) -> None:
        with log.bound(person=person):
            both.wait()
            log.get("accessbot").info(person)
            both.wait()

    threads = [threading.Thread(target=listen, args=(person,)) for person in ("U1", "U2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((line["event"], line["person"]) for line in lines(stream)) == [("U1", "U1"), ("U2", "U2")]


def test_references_are_short_and_unguessable() -> None:
    """A reference can be read out, and two are never the same."""
    made = {log.reference() for _ in range(2_000)}
    assert len(made) == 2_000
    assert all(len(one) == 10 and one.isalnum() and not set(one) & set("01ilou") for one in made)


# --- secrets ----------------------------------------------------------------------------------------------------------

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
TAILS = st.text(LETTERS, min_size=24, max_size=40)
SHAPES = st.sampled_from(
    [
        "xoxb-{}",
        "xoxp-1-{}",
        "xoxe.xoxb-1-{}",
        "xapp-1-A0-{}",
        "https://hooks.slack.com/commands/T0/1/{}",
        "https://hooks.slack.com/services/T0/B0/{}",
        "redis://:{}@10.0.0.1:6379/0",
        "rediss://user:{}@cache.example.com:6379/0",
        "Authorization: Bearer {}",
        "Bearer {}",
        "ya29.{}",
        "1//0{}",
        "eyJhbGciOiJ.eyJzdWIiOiJ.{}",
        "eyJhbGciOiJ.{}.sig",
        "aws_secret_access_key={}",
        "AWS_SESSION_TOKEN: {}",
        "X-Amz-Signature={}&X-Amz-Date=1",
        '{{"private_key": "{}"}}',
        '{{"response_url": "https://example.com/{}", "x": 1}}',
        "{{'access_token': '{}'}}",
        '{{\\"client_secret\\": \\"{}\\"}}',
        "password = {}",
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\\n{}",
    ]
)
AROUND = st.text(st.characters(exclude_categories=["Cs", "L", "N"]), max_size=8).map(lambda text: f" {text} ")
KEYS = st.sampled_from(
    [
        "token",
        "bot_token",
        "SLACK_SIGNING_SECRET",
        "password",
        "Authorization",
        "private_key",
        "response_url",
        "answer_to",
    ]
)


def wrapped(value: object, depth: int) -> object:
    """A value inside of lists and mappings."""
    for level in range(depth):
        value = {"inner": value} if level % 2 else [value]
    return value


@given(TAILS, SHAPES, AROUND, AROUND, st.integers(0, 10))
def test_what_looks_like_a_secret_never_shows(tail: str, shape: str, before: str, after: str, depth: int) -> None:
    """A token, password, key or response address is redacted in any field, however deep, whatever is around it."""
    text = before + shape.format(tail) + after
    event = log.redaction(None, "info", {"event": text, "field": wrapped(text, depth), text: 1, "raw": text.encode()})
    assert tail not in json.dumps(event)


@given(TAILS, KEYS, st.integers(0, 6))
def test_what_is_called_a_secret_never_shows(tail: str, key: str, depth: int) -> None:
    """A value under a telling name is redacted whatever it looks like."""
    event = log.redaction(None, "info", {"event": "x", key: wrapped(tail, depth), "outer": wrapped({key: tail}, depth)})
    assert tail not in json.dumps(event)


@given(st.text(st.sampled_from("abcdefghijklmnop /-_@.0123456789"), max_size=60))
def test_what_is_no_secret_stays(text: str) -> None:
    """Ordinary words, ids, numbers and addresses of people are left as they are."""
    if "://" not in text and "1//0" not in text:
        assert log.redact(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "g_4fT0pQ request production-admin for 2h",
        "https://d-1234567890.awsapps.com/start/#/console?account_id=111122223333&role_name=Admin",
        "person@example.com was added to aws-production-admin@example.com",
        "redis://127.0.0.1:6379/0 does not answer",
        "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef",
    ],
)
def test_what_operators_need_stays(text: str) -> None:
    """Ids, links, addresses and names that a log is read for are not taken for secrets."""
    assert log.redact(text) == text


def test_the_own_secrets_are_hidden_without_any_shape(stream: io.StringIO) -> None:
    """A signing secret has no shape, and is hidden wherever it turns up; a very short one would garble the log."""
    log.get("accessbot").info(f"about {OWN_SECRET}", detail={"list": [f"<{OWN_SECRET}>"]}, word="abc")
    (line,) = lines(stream)
    assert OWN_SECRET not in stream.getvalue()
    assert line["event"] == "about [redacted]"
    assert line["word"] == "abc"


def test_tracebacks_are_redacted(stream: io.StringIO) -> None:
    """An exception's text may hold what it failed on; the traceback stays readable."""
    try:
        int(f"cannot connect to redis://:{OWN_SECRET}@host, token xoxb-1-leak")
    except ValueError:
        log.get("accessbot").exception("failed")
        logging.getLogger("library").exception("failed too")
    assert OWN_SECRET not in stream.getvalue()
    assert "leak" not in stream.getvalue()
    assert all("ValueError" in line["exception"] and "Traceback" in line["exception"] for line in lines(stream))


def test_uncaught_exceptions_are_log_lines(stream: io.StringIO) -> None:
    """What ends a thread, or the process, is one redacted line, not a bare traceback."""

    def fail() -> None:
        raise ValueError("xoxb-1-leak")

    thread = threading.Thread(target=fail, name="listener")
    thread.start()
    thread.join()
    error = ValueError("xoxb-2-leak")
    sys.excepthook(ValueError, error, None)
    first, second = lines(stream)
    assert (first["event"], first["level"], first["thread_name"]) == ("thread.uncaught", "critical", "listener")
    assert (second["event"], second["level"]) == ("process.uncaught", "critical")
    assert "leak" not in stream.getvalue()


def test_a_value_that_cannot_show_itself_does_not_lose_the_line() -> None:
    """A broken repr is told by its type, and the line is written."""

    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    event = log.redaction(None, "info", {"event": "still here", "thing": Broken()})
    assert event["event"] == "still here"
    assert "Broken" in event["thing"]
