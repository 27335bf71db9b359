"""PDFs: what stands in them, in every script; what they may load; what they say of themselves."""

import io
import socket
import subprocess
from ctypes import c_double
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pypdf
import pypdfium2
import pytest
from pypdfium2.raw import FPDFText_GetCharOrigin
from reportlab.pdfbase.ttfonts import TTFont

from analytics.pdf import PdfFailed, UnusableFont, missing_characters, render
from analytics.pdf.fonts import FILES, REGULAR, STRONG, fallback_of, register, runs
from analytics.plots import timeline
from analytics.plots.drawing import PRINT, Drawing
from analytics.plots.lettering import width_of
from analytics.templatetags.plots import printed_plot
from tests.analytics.pdf_reading import MM, joined, letters, outside_of_margins, texts
from tests.analytics.plot_samples import AMOUNTS, BERLIN, DAY, LONG_NAME, NAMES, drawings
from tests.analytics.report_sample import HEAD, MADE_AT, OWN_SCRIPT, report, report_html

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="40" viewBox="0 0 200 40" font-size="12">{}</svg>'


def document(body: str, head: str = "") -> str:
    return f"<html><head><style>@page {{ size: A4; margin: 20mm }}</style>{head}</head><body>{body}</body></html>"


def origins(pdf: bytes) -> list[tuple[float, float]]:
    """Where the pen stood for every character of the first page, in points."""
    words = pypdfium2.PdfDocument(pdf)[0].get_textpage()
    x, y = c_double(), c_double()
    places = []
    for place in range(words.count_chars()):
        if words.get_text_range(place, 1).strip():
            FPDFText_GetCharOrigin(words, place, x, y)
            places.append((x.value, y.value))
    return places


def ink(pdf: bytes) -> int:
    """How many pixels of the first page are dark."""
    return sum(pypdfium2.PdfDocument(pdf)[0].render(scale=1).to_pil().convert("L").histogram()[:128])


@pytest.fixture(scope="module")
def printed() -> bytes:
    return report("none", "little", rows=70)


# What stands in them


def test_names_of_every_script_can_be_found(printed):
    together = "".join(texts(printed))

    for name in NAMES:
        assert together.count(joined(name)) >= 10  # in the table; those that fit, in plots too
    assert joined("−4.2 % against October 2024") in together
    assert joined("≤ 5 µm, 10⁹ kWh, 3 × 2² m³ → Σ.") in together
    assert "CO₂" in together


def test_every_page_says_what_it_belongs_to_and_which_it_is(printed):
    pages = texts(printed)

    assert len(pages) > 4
    for number, words in enumerate(pages, 1):
        assert words.count(f"Page{number}of{len(pages)}") == 1
        assert joined("Made 3 Nov 2025, 06:00 · times in Europe/Berlin") in words
        assert words.startswith(joined("Energy and OEE, Halle Süd", "Werk Stuttgart-Untertürkheim"))


def test_a_table_repeats_its_head_on_every_page_it_reaches(printed):
    reached = [words for words in texts(printed) if "Werkzeugbruch" in words]

    assert len(reached) == 3
    assert [words.count(joined(*HEAD)) for words in reached] == [1, 1, 1]


def test_nothing_leaves_the_margins_not_even_a_name_without_a_space(printed):
    assert outside_of_margins(printed) == []


def test_figures_of_a_column_stand_below_each_other():
    rows = "".join(f'<tr><td align="right">{figure}</td></tr>' for figure in ("1,111.1", "9,808.4"))

    places = origins(render(document(f"<table>{rows}</table>")))

    upper, lower = places[:7], places[-7:]
    assert [round(x, 1) for x, _ in upper] == [round(x, 1) for x, _ in lower]
    assert upper[0][1] > lower[0][1] + 5


def test_plots_stay_lines_and_letters(printed):
    reader = pypdf.PdfReader(io.BytesIO(printed))

    assert [image.name for page in reader.pages for image in page.images] == []
    assert "budget588kWh" in "".join(texts(printed))


@pytest.mark.parametrize("amount", AMOUNTS)
def test_hover_text_is_not_printed(amount):
    body = "".join(f"<p>{drawing.at(PRINT)}</p>" for drawing in drawings(amount).values())

    together = "".join(texts(render(document(body))))

    assert LONG_NAME not in together
    assert "nothingknown" in together or amount == "none"
    assert joined("Mon 3 Nov 2025") not in together


def test_a_plot_moves_to_the_next_page_rather_than_becoming_small():
    plot = printed_plot(drawings("little")["bars"])

    alone = render(document(plot))
    below = render(document(f'<p>Energy</p><pdf:spacer height="210mm">{plot}'))

    def sizes(pdf: bytes, page: int) -> list[tuple[str, float]]:
        return [(letter, round(top - bottom, 1)) for letter, _, bottom, _, top in letters(pdf, page)]

    assert len(sizes(alone, 0)) > 50
    assert sizes(below, 1) == sizes(alone, 0)


def test_a_plot_taller_than_a_page_is_made_to_fit():
    rows = [timeline.Row(f"Press {number}", []) for number in range(79)]
    span = timeline.Span(MADE_AT, MADE_AT + DAY, timeline.State.RUNNING)
    figure = timeline.Timeline([*rows, timeline.Row("Last", [span])], MADE_AT, MADE_AT + DAY, BERLIN)
    drawing = Drawing(lambda width: timeline.draw(figure, width=width), "")

    heading = '<h3 style="-pdf-keep-with-next: true">All machines</h3>'
    pages = texts(render(document(f"<p>Machines</p>{heading}{printed_plot(drawing)}")))

    found = [[name in words for name in ("Allmachines", "Press0", "Last")] for words in pages]
    assert found == [[True, True, True]]


# Which font sets what


def test_a_run_of_what_inter_lacks_is_set_in_the_plants_own_font():
    register()

    found = list(runs("Press 冲压 A 机", fallback_of(OWN_SCRIPT)))

    assert [(run.text, run.is_fallback) for run in found] == [
        ("Press ", False),
        ("冲压", True),
        (" A ", False),  # the plant's font has it too, but Inter comes first
        ("机", True),
    ]


@pytest.mark.parametrize("anchor", ["start", "middle", "end"])
def test_words_of_two_fonts_stand_side_by_side_in_a_plot(anchor):
    svg = SVG.format(f'<text x="100" y="20" text-anchor="{anchor}" font-weight="600">Press 冲压 mm</text>')

    boxes = [box for box in letters(render(document(svg), font=OWN_SCRIPT)) if box[0].strip()]

    assert "".join(box[0] for box in boxes) == "Press冲压mm"
    assert all(one[3] <= other[1] + 0.6 for one, other in pairwise(boxes))
    first, last = boxes[0][1], boxes[-1][3]
    at = 20 * MM + 100 * 0.75
    place = {"start": first, "middle": (first + last) / 2, "end": last}[anchor]
    assert abs(place - at) < 1.5


def test_a_collection_of_fonts_will_do():
    html = document("<p>冲压机一号</p>" + SVG.format('<text y="20">冲压机</text>'))

    (words,) = texts(render(html, font=OWN_SCRIPT.with_suffix(".ttc")))

    assert words == "冲压机一号冲压机"


def test_what_no_font_has_is_told_and_printed_as_boxes():
    text = "Fräse Πρέσα Станок 冲压 ☃\u00a0\u202f\n\u200b"

    assert missing_characters(text) == {"冲", "压", "☃"}
    assert missing_characters(text, OWN_SCRIPT) == {"☃"}
    empty = ink(render(document("<p>&nbsp;</p>")))
    assert ink(render(document("<p>冲压</p>"))) > empty + 20
    assert ink(render(document(SVG.format('<text y="20">冲压</text>')))) > empty + 20


def test_letters_made_of_two_characters_are_put_together():
    (words,) = texts(render(document("<p>Gro\u0308\u00dfe A\u030angstro\u0308m</p>")))

    assert words == "GrößeÅngström"


def test_our_fonts_have_what_reports_need():
    needed = "°µ–—…→≤≥×·€Σ²³\u00a0⁻⁰¹⁴⁹₂−№±≈∞„“”‚‘’«»§‰½ĄĆĘŁŃÓŚŹŻąčďěřšťůžőűğışțșñçåæøœßΑΩαωϊБЖЩЮёїѓљњџ"

    assert missing_characters(needed) == set()
    for path in FILES.values():
        assert path.stat().st_size < 300_000
        font = TTFont(path.stem, str(path))
        assert len({font.stringWidth(digit, 10) for digit in "0123456789"}) == 1


@pytest.mark.parametrize("path", ["missing.ttf", __file__, str(OWN_SCRIPT.parent / "README.md")])
def test_a_file_that_is_no_font_is_refused(path):
    with pytest.raises(UnusableFont, match="cannot be embedded"):
        render(document("x"), font=Path(path))


@pytest.mark.parametrize("face", [REGULAR, STRONG])
@pytest.mark.parametrize(
    "words", [*NAMES, "1,234.5 kWh · 8.3 % · Σ 42 %", "−3 °C ≤ 20 µm/s²", "Größe Ångström İŞ"]
)
def test_words_are_measured_rather_too_wide_than_too_narrow(words, face):
    font = TTFont(face, str(FILES[face]))
    known = "".join(letter for letter in words if ord(letter) in font.face.charToGlyph)

    real = font.stringWidth(known, 12.5)

    assert 0.999 * real <= width_of(known, 12.5, is_strong=face == STRONG) <= 1.25 * real + 1


# What they may load


@pytest.fixture
def alone(monkeypatch):
    """Whoever asks the network or another program fails the test."""

    def refuse(*_, **__):
        raise AssertionError("a document asked for something outside")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)


@pytest.mark.parametrize(
    ("body", "head"),
    [
        ('<img src="http://169.254.169.254/latest">', ""),
        ('<img src="file:///etc/hostname">', ""),
        ('<img src="/etc/hostname">', ""),
        ('<img src="../../etc/hostname">', ""),
        ('<img src="data:text/html,x">', ""),
        ('<pdf:insertpdf src="/etc/hostname"/>', ""),
        ("", '<link rel="stylesheet" href="http://example.com/x.css">'),
        ("", "<style>@import url(http://example.com/x.css);</style>"),
        ("", '<style>@font-face { font-family: X; src: url("https://example.com/x.ttf") }</style>'),
        ("<p>x</p>", "<style>p { background-image: url(http://example.com/x.png) }</style>"),
    ],
)
def test_nothing_is_loaded_from_outside(alone, body, head):
    with pytest.raises(PdfFailed, match="may not load"):
        render(document(body, head))


def test_a_whole_report_needs_nothing_from_outside(alone):
    assert len(texts(report("little"))) > 2


def test_pictures_within_plots_are_not_followed_and_strange_fonts_not_looked_for(alone):
    svg = SVG.format(
        '<image href="http://example.com/x.png" width="9" height="9"/>'
        '<text y="20" font-family="Arial" font-style="italic" font-weight="800">set in Inter</text>'
    )

    pdf = render(document(svg))

    assert texts(pdf) == ["setinInter"]
    fonts = pypdf.PdfReader(io.BytesIO(pdf)).pages[0]["/Resources"]["/Font"]
    assert [font["/BaseFont"][8:] for font in fonts.values() if "+" in font["/BaseFont"]] == [
        "Inter-SemiBold"
    ]


@pytest.mark.parametrize(
    "body",
    [
        SVG.format("<text>no end"),
        '<img src="data:image/png;base64,AAAA">',
        '<img src="data:image/png;base64,">',
    ],
)
def test_a_picture_that_cannot_be_drawn_is_an_error_and_not_a_gap(body):
    with pytest.raises(PdfFailed, match=r"no SVG|could not be laid out"):
        render(document(body))


# What they say of themselves


def test_the_same_figures_give_the_same_bytes():
    html = report_html("none", rows=1)

    assert render(html, made_at=MADE_AT) == render(html, made_at=MADE_AT)
    assert render(html, made_at=MADE_AT) != render(html, made_at=datetime(2026, 1, 1, tzinfo=UTC))


def test_a_document_says_its_title_its_author_and_when_it_was_made():
    html = document("x", "<title>Energie &amp; OEE, Werk Süd</title>")

    def said(pdf: bytes) -> dict:
        return {
            str(name): str(value) for name, value in (pypdf.PdfReader(io.BytesIO(pdf)).metadata or {}).items()
        }

    assert said(render(html, made_at=MADE_AT, author="Smart Factory")) == {
        "/Title": "Energie & OEE, Werk Süd",
        "/Author": "Smart Factory",
        "/Creator": "Smart Factory IoT",
        "/CreationDate": "D:20251103060000Z",
        "/ModDate": "D:20251103060000Z",
    }
    assert said(render(html, title="冲压", made_at=MADE_AT))["/Title"] == "冲压"


def test_names_are_never_markup():
    (words,) = texts(render(report_html(rows=1, names=['<script>alert("1")</script><img src="http://x/">'])))[
        :1
    ]

    assert joined('<script>alert("1")</script><img src="http://x/">') in words
