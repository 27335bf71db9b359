"""How wide the columns of a printed table are."""

import pytest

from analytics.plots.lettering import width_of
from analytics.reports.widths import LINE, PADDING, SIZE, Content, widths_of

SENTENCE = (
    "Vibration 12.1 mm/s is above the warning limit of 11.2 mm/s, and has been so for more than ten minutes,"
    " as the second sensor says"
)
LONG_NAME = "Compressor in the cellar of the western hall, behind the stairs"


def points(share: float) -> float:
    return LINE * share / 100 - PADDING


def test_where_there_is_room_each_has_its_own_line():
    shares = widths_of([Content("Device", ["Press 4"]), Content("What", ["Too hot"])])

    assert points(shares[0]) > width_of("Press 4", SIZE)
    assert points(shares[1]) > width_of("Too hot", SIZE)


def test_a_single_long_name_takes_no_room_from_sentences():
    """With it on one line each sentence would have three lines; it may well have two itself."""
    names, sentences = [*["Press 4"] * 30, LONG_NAME], [SENTENCE] * 31
    began = Content("Began", ["30 Jun 2026, 23:55"] * 31, is_broken=False)

    _, name, sentence = widths_of([began, Content("Device", names), Content("What", sentences)])

    assert width_of(SENTENCE, SIZE) / points(sentence) < 2
    assert points(name) > width_of("Press 4", SIZE)


@pytest.mark.parametrize("rows", [0, 1, 50])
def test_together_they_fill_the_line(rows):
    columns = [Content(head, [SENTENCE] * rows) for head in ("Device", "What", "Note")]

    assert sum(widths_of(columns)) == pytest.approx(100, abs=0.1)
