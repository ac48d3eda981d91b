"""The names of works and of pairs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessbot.domain.errors import CatalogInvalid, Refused
from accessbot.domain.model import aws_side, pair_key
from accessbot.domain.work import LANES, Lane, Work, WorkKind


@given(st.sampled_from(list(WorkKind)), st.text(min_size=1, max_size=40))
def test_a_name_of_a_work_is_read_back(kind: WorkKind, subject: str) -> None:
    """Whatever it is about, bars included."""
    assert Work.parse(str(Work(kind, subject))) == Work(kind, subject)


@pytest.mark.parametrize("name", ["", "end", "end|", "|g_1", "os.system|rm"])
def test_what_is_no_name_of_a_work(name: str) -> None:
    """Anything else is refused, so nothing else is ever run."""
    with pytest.raises(ValueError, match="is not"):
        Work.parse(name)


def test_ends_and_what_people_wait_for_never_share_a_lane() -> None:
    """Ten thousand ends at once hold up neither an early end nor an approval."""
    assert {LANES[kind] for kind in (WorkKind.CLICK, WorkKind.PROVISION, WorkKind.REVOKE)} == {Lane.FAST}
    assert LANES[WorkKind.END] is Lane.ENDS


def test_a_pair_is_the_same_in_any_case() -> None:
    """A group's address has no case, an id has."""
    assert pair_key("Aws-Admin@Example.com", "Abc") == "aws-admin@example.com/Abc"
    assert aws_side("G", "U") == "aws/G/U"


def test_errors_give_the_lines_that_people_read() -> None:
    """One sentence, or a line for each mistake."""
    assert Refused("No.").lines == ("No.",)
    assert CatalogInvalid(("a", "b")).lines == ("a", "b")
