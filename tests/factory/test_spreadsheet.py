"""Text in CSV files is never worked out, and comes back as it was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.spreadsheet import guarded, unguarded

WORKED_OUT = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@pytest.mark.parametrize("begin", WORKED_OUT)
def test_what_begins_like_a_formula_is_text(begin):
    assert guarded(f"{begin}1+1") == f"'{begin}1+1"


def test_other_text_stays_as_it_is():
    assert [guarded(text) for text in ("", "Press 1", "1-2", " =1")] == ["", "Press 1", "1-2", " =1"]


@given(st.text(st.sampled_from([*WORKED_OUT, "'", "a", " "]), max_size=6))
def test_any_text_is_unguarded_to_itself(text):
    assert unguarded(guarded(text)) == text
    assert not guarded(text).startswith(WORKED_OUT)
