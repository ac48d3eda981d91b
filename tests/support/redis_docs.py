"""What the page about Redis tells operators to type, for tests to do just that."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import redis

PAGE = Path(__file__).parents[2] / "docs" / "redis.md"
USER, PASSWORD = "accessbot", "change-this-password"


def acl_command() -> list[str]:
    """Give the words of the page's `ACL SETUSER` command."""
    block = re.search(r"^```sh\n(redis-cli ACL SETUSER .*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert block is not None
    program, *words = shlex.split(block[1].replace("\\\n", " "))
    assert program == "redis-cli"
    return words


def make_user(url: str) -> str:
    """Make the page's user on a server, whose only user is the default one; give the address for that user."""
    with redis.Redis.from_url(url) as client:
        client.execute_command(*acl_command())
    return url.replace("://", f"://{USER}:{PASSWORD}@", 1)
