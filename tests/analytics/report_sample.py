"""A report to print: a cover, every plot, a table over pages, notes."""

from datetime import UTC, datetime
from pathlib import Path

from django.template import Context, Template

from analytics.pdf import render
from tests.analytics.plot_samples import NAMES, drawings, wobble

MADE_AT = datetime(2025, 11, 3, 6, tzinfo=UTC)
DATA = Path(__file__).resolve().parents[1] / "data"
OWN_SCRIPT = DATA / "fonts" / "own-script.ttf"
HEAD = ("Machine", "Reason", "Energy, kWh", "Cost, €", "OEE, %", "Stops")


def report_html(*amounts: str, rows: int = 5, names: list[str] = NAMES) -> str:
    lines = [
        (
            names[place % len(names)],
            "Werkzeugbruch" if place % 3 else "Наладка",
            f"{1234.5 * wobble(place):,.1f}",
            f"{320 * wobble(place):,.2f}",
            f"{70 * wobble(place, 9, 0.1):.1f}",
            place % 17,
        )
        for place in range(rows)
    ]
    tiles = [
        {"name": "Energy", "value": "48,213", "unit": "kWh", "note": "−4.2 % against October 2024"},
        {"name": "Cost", "value": "11,204", "unit": "€", "note": "0.23 €/kWh on average"},
        {"name": "CO₂", "value": "18.3", "unit": "t", "note": "380 g/kWh, as of 2024"},
        {"name": "OEE", "value": "64.2", "unit": "%", "note": "below target 75 %"},
    ]
    notes = [
        {"flag": "Nothing known", "text": "Станок №4: nothing was measured from 12 to 16 October."},
        {"flag": "Measured in part", "text": "Fräse Süd: 62 % of 6 January. ≤ 5 µm, 10⁹ kWh, 3 × 2² m³ → Σ."},
    ]
    known = {
        "title": "Energy and OEE, Halle Süd",
        "subtitle": "October 2025, all machines of the press shop",
        "plant": "Werk Stuttgart-Untertürkheim",
        "zone": "Europe/Berlin",
        "made_at": MADE_AT,
        "tiles": tiles,
        "notes": notes,
        "head": HEAD,
        "rows": lines,
        "all": {amount: drawings(amount) for amount in amounts},
    }
    return Template((DATA / "report.html").read_text()).render(Context(known))


def report(*amounts: str, rows: int = 5, names: list[str] = NAMES, font: Path | None = OWN_SCRIPT) -> bytes:
    return render(report_html(*amounts, rows=rows, names=names), font=font, made_at=MADE_AT)
