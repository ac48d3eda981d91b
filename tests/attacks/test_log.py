"""Attacks on the log: texts that are made to be slow to redact, or to hide a secret from it."""

from __future__ import annotations

import time

import pytest

from accessbot.log import REDACTED, redact

_LONG = 60_000


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "-",
        "token",
        "token ",
        "token\\",
        'token="',
        "eyJa-",
        "eyJa.",
        "1//0a",
        "xoxb-",
        "://",
        "://a",
        "Bearer ",
        "A ",
    ],
)
def test_no_text_keeps_the_log_busy(piece: str) -> None:
    """What an outsider or a vendor can get into a line costs time in proportion to its length, not to its square."""
    began = time.process_time()
    redact(piece * (_LONG // len(piece)))
    assert time.process_time() - began < 5, "the square of this length takes minutes"


@pytest.mark.parametrize(
    "text",
    [
        "my_long-prefix_token_of_mine=hunter2-hunter2",
        '{"the_client_secret_value": "hunter2-hunter2"}',
        "X-Amz-Security-Token:hunter2-hunter2",
        "aws_secret_access_key = hunter2-hunter2",
        "cookie eyJhbGciOiJIUzI1NiJ9.hunter2-hunter2.c2ln",
    ],
)
def test_a_secret_in_a_long_name_is_still_hidden(text: str) -> None:
    """The name around a telling word may be long; the value does not show."""
    shown = redact(text)
    assert "hunter2" not in shown
    assert REDACTED in shown
