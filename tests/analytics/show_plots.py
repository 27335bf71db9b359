"""Writes every plot to pages and a PDF, to be looked at: python -m tests.analytics.show_plots FOLDER [FONT]."""

import os
import sys
from pathlib import Path

import django

STATIC = Path(__file__).resolve().parents[2] / "factory" / "static" / "factory"
PAGE = (
    '<!doctype html><html lang="en" data-theme="{{ theme }}"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Plots</title>'
    '<link rel="stylesheet" href="{{ static }}/factory.css"><link rel="stylesheet" href="{{ static }}/plots.css">'
    '</head><body><main class="main">{% load plots %}{% for amount, kinds in all.items %}'
    '{% for name, drawing in kinds.items %}<section class="panel"><header><h2>{{ name }}, {{ amount }}</h2></header>'
    "{% plot drawing %}</section>{% endfor %}{% endfor %}"
    '<section class="panel"><header><h2>spark, in words</h2></header>'
    "<p>Power {% spark some 'power' %} 12.4 kW, and nothing {% spark none 'nothing' %} –</p></section>"
    "</main></body></html>"
)


def page(theme: str) -> str:
    from django.template import Context, Template

    from tests.analytics.plot_samples import AMOUNTS, drawings

    figures = {amount: drawings(amount) for amount in AMOUNTS}
    known = {
        "theme": theme,
        "static": STATIC.as_uri(),
        "all": figures,
        "some": [3, 4, None, 5, 2],
        "none": [],
    }
    return Template(PAGE).render(Context(known))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for theme in ("light", "dark"):
        (folder / f"plots-{theme}.html").write_text(page(theme))
    from tests.analytics.plot_samples import AMOUNTS
    from tests.analytics.report_sample import report

    font = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    (folder / "report.pdf").write_bytes(report(*AMOUNTS, rows=120, font=font))
