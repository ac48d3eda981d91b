"""What the proof runs in: silence, since thousands of lives have much to say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from tests.proof.crashes import quiet


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """Log nothing."""
    quiet()
    yield
    structlog.reset_defaults()
