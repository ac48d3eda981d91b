"""The proof bites: each guard taken out is noticed, by the invariant that it is there for."""

from __future__ import annotations

import re

import pytest

from tests.docs import pages
from tests.proof.explorer import live
from tests.proof.mutations import MUTATIONS, Mutation, hunt
from tests.support.invariants import CHECKS

WHERE = "Where it is enforced"


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name.replace(" ", "-"))
def test_a_guard_that_is_taken_out_is_missed(mutation: Mutation) -> None:
    """With the bug the life fails the invariant that the guard is for; the same life without it fails none."""
    outcome = hunt(mutation)
    assert outcome is not None
    assert live(outcome.point).violations == ()


def test_every_invariant_has_a_bug_that_breaks_it() -> None:
    """There is at least one mutation for each of the seven."""
    assert {mutation.invariant for mutation in MUTATIONS} == set(CHECKS)


def test_the_page_lists_every_bug() -> None:
    """The table of bugs is this one, and the page has a chapter for each invariant."""
    page = pages.ROOT / "docs" / "invariants.md"
    listed = [[m.name, m.invariant, f"`{m.scene}`", m.blow or "not at all"] for m in MUTATIONS]
    assert pages.table(pages.text(page), "bug") == listed
    chapters = [heading.partition(":")[0] for heading in pages.headings(page) if heading.startswith("INV-")]
    assert chapters == list(CHECKS)
    for first in ("in the code", "explorer and state machine (`tests/support/invariants.py`)"):
        assert f"| invariant | {first} |" in pages.text(page)


def test_every_function_that_the_page_names_is_there() -> None:
    """Where an invariant is said to be enforced there is code of that name."""
    cells = [row[1] for row in pages.table(pages.section(pages.ROOT / "docs" / "invariants.md", WHERE), "invariant")]
    named = [name for cell in cells for name in pages.ticked(cell)]
    assert len(named) > 15
    code = "\n".join(path.read_text(encoding="utf-8") for path in sorted((pages.ROOT / "accessbot").rglob("*.py")))
    for name in named:
        assert re.search(rf"\b{name.rpartition('.')[2]}\b", code), name
