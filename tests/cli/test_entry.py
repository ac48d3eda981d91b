"""The command line can be started in both ways that people know."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

INSTALLED = str(Path(sys.executable).parent / "accessbot")


@pytest.mark.parametrize("command", [[INSTALLED], [sys.executable, "-m", "accessbot"]], ids=["installed", "module"])
def test_the_version_is_told(command: list[str]) -> None:
    """Both the installed command and the module print the version of the distribution."""
    told = subprocess.run([*command, "--version"], check=True, capture_output=True, text=True)
    assert told.stdout == f"accessbot {version('accessbot')}\n"


def test_wrong_usage_has_its_own_exit_status() -> None:
    """An unknown command is a usage mistake: exit status 2 and nothing on standard output."""
    told = subprocess.run([INSTALLED, "no-such-command"], check=False, capture_output=True, text=True)
    assert (told.returncode, told.stdout) == (2, "")
