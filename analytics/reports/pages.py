"""A report as a page that stands for itself, and as what is printed."""

import base64
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext

from analytics.reports.document import Document, Figure, Notes, Section, Table, Tiles


@cache
def _style() -> str:
    return (Path(__file__).parent / "report.css").read_text()


def _policy() -> str:
    mark = base64.b64encode(sha256(_style().encode()).digest()).decode()
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src 'sha256-{mark}'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'self'",
        ]
    )


# A page of people's own words and nothing to run: only its one stylesheet is let in.
PAGE_POLICY = _policy()


def as_page(document: Document) -> str:
    """The report as one HTML file without anything beside it."""
    with timezone.override(document.zone):
        return render_to_string("reports/page.html", {"document": document, "style": _style()})


def as_print(document: Document) -> str:
    """The report as HTML for paper; what cannot be printed in it is said."""
    if missing := _missing(document):
        codes = ", ".join(f"U+{ord(one):04X}" for one in sorted(missing)[:20])
        line = gettext(
            "No font here has some characters (%(codes)s). The setting REPORT_FONT names one that has."
        ) % {"codes": codes}
        document = replace(
            document, sections=[*document.sections, Section(gettext("Print"), [Notes([line])])]
        )
    context = {
        "document": document,
        "title": document.title,
        "plant": settings.UNFOLD["SITE_TITLE"],
        "made_at": document.made_at,
        "zone": document.zone.key,
    }
    with timezone.override(document.zone):
        return render_to_string("reports/pdf/report.html", context)


def _missing(document: Document) -> set[str]:
    from analytics.pdf.fonts import UnusableFont, missing_characters  # noqa: PLC0415 -- slow to import

    font = Path(settings.REPORT_FONT) if settings.REPORT_FONT else None
    try:
        return missing_characters(_words_of(document), font)
    except UnusableFont:  # whoever prints says so
        return set()


def _words_of(document: Document) -> str:
    """All that people have written in a report, without what is drawn."""
    words: list[Any] = [
        document.title,
        document.subtitle,
        *(part for fact in document.facts for part in fact),
    ]
    for section in document.sections:
        for block in section.blocks:
            if isinstance(block, Table):
                words += [
                    value
                    for row in block.rows[: block.printed]
                    for value in row
                    if isinstance(value, (str, Promise))
                ]
            elif isinstance(block, Tiles):
                words += [tile.note for tile in block.tiles]
            elif isinstance(block, Figure):
                words.append(block.drawing.label)
            else:
                words += block.lines
    return "".join(map(str, words))
