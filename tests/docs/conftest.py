"""What the tests of the documentation live in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.world import World, new_world


@pytest.fixture
def world() -> Iterator[World]:
    """Give a company in which everything works, with a clock that stands still."""
    with new_world() as made:
        yield made
