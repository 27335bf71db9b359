"""Where pages of a PDF end: a heading stands with the first rows of its table, which goes on on the next page."""

from analytics.pdf import render
from tests.analytics.pdf_reading import texts

HEAD = "<html><head><style>@page { size: A4; margin: 20mm } h2 { -pdf-keep-with-next: true }</style></head><body>"


def pages(filled_mm: int, rows: int) -> list[str]:
    above = f'<table><tr><td style="height: {filled_mm}mm">Above</td></tr></table>'
    lines = "".join(f"<tr><td>row{number}</td></tr>" for number in range(rows))
    table = f'<table repeat="1"><thead><tr><th>Head</th></tr></thead><tbody>{lines}</tbody></table>'
    return texts(render(f"{HEAD}{above}<h2>Title</h2>{table}</body></html>"))


def test_a_table_begins_below_its_heading_where_there_is_room_for_some_rows():
    first, second = pages(150, 40)

    assert ("Title" in first, "row2" in first) == (True, True)
    assert "Title" not in second
    assert "Head" in second, "it is repeated"


def test_where_there_is_room_for_hardly_a_row_both_go_to_the_next_page():
    first, second, *_ = pages(240, 20)

    assert ("Title" in first, "row0" in first) == (False, False)
    assert ("Title" in second, "row0" in second) == (True, True)
