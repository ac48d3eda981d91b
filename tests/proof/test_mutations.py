"""The proof bites: each guard taken out is noticed, by the invariant that it is there for."""

from __future__ import annotations

import pytest

from tests.proof.explorer import live
from tests.proof.mutations import MUTATIONS, Mutation, hunt
from tests.support.invariants import CHECKS


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name.replace(" ", "-"))
def test_a_guard_that_is_taken_out_is_missed(mutation: Mutation) -> None:
    """With the bug the life fails the invariant that the guard is for; the same life without it fails none."""
    outcome = hunt(mutation)
    assert outcome is not None
    assert live(outcome.point).violations == ()


def test_every_invariant_has_a_bug_that_breaks_it() -> None:
    """There is at least one mutation for each of the seven."""
    assert {mutation.invariant for mutation in MUTATIONS} == set(CHECKS)
