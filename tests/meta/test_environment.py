"""The tests run alike on every machine, whatever it is set up for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from hypothesis import settings

ROOT = Path(__file__).parents[2]
PROBE = """
import os, sys
sys.path.insert(0, sys.argv[1])
import tests.conftest
print(sorted(name for name in os.environ if name.upper().startswith(("AWS_", "SLACK_")) or "redis" in name.lower()))
print(tests.conftest.settings().derandomize)
"""


def test_a_developers_own_services_are_out_of_reach() -> None:
    """Tokens, credentials and addresses in the caller's environment never reach a test or what it starts."""
    environment = {
        "PATH": os.environ["PATH"],
        "CI": "true",
        "AWS_PROFILE": "production",
        "AWS_ENDPOINT_URL": "https://example.com",
        "SLACK_BOT_TOKEN": "xoxb-real",
        "REDIS_URL": "redis://example.com",
        "HYPOTHESIS_STORAGE_DIRECTORY": os.devnull,
    }
    told = subprocess.run(
        [sys.executable, "-c", PROBE, str(ROOT)], env=environment, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert told == ["['AWS_CONFIG_FILE', 'AWS_EC2_METADATA_DISABLED', 'AWS_SHARED_CREDENTIALS_FILE']", "True"]


def test_no_example_is_timed() -> None:
    """A property is never failed by a slow machine."""
    assert settings().deadline is None
