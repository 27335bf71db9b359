"""Plots on a page: which of the two variants is seen, and that no rule of the page's policy is broken by them."""

from pathlib import Path

import pytest

from tests.analytics.show_plots import page

pytestmark = pytest.mark.e2e
WIDE_AND_NARROW = {1280: (1, 0), 820: (1, 0), 390: (0, 1)}
POLICY = "default-src 'none'; style-src file: 'self'; font-src file: 'self'"


@pytest.fixture
def shown(browser, tmp_path):
    """Opens the page of samples in a theme at a width, as strict as the server's policy."""
    complaints = []

    def open_page(theme: str, width: int):
        html = page(theme).replace(
            "<head>", f'<head><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        )
        file = Path(tmp_path / "plots.html")
        file.write_text(html)
        found = browser.new_page(viewport={"width": width, "height": 900})
        found.on(
            "console", lambda message: complaints.append(message.text) if message.type == "error" else None
        )
        found.goto(file.as_uri())
        return found

    yield open_page
    assert complaints == []


@pytest.mark.parametrize("width", WIDE_AND_NARROW)
def test_exactly_one_variant_is_seen_and_fits(shown, width):
    found = shown("light", width)

    plots = found.evaluate(
        """() => [...document.querySelectorAll("figure.plot")].map((plot) =>
            [".plot-wide", ".plot-narrow"].map((name) => plot.querySelector(name).checkVisibility() ? 1 : 0))"""
    )
    assert len(plots) == 21
    assert {tuple(seen) for seen in plots} == {WIDE_AND_NARROW[width]}
    assert found.evaluate("document.documentElement.scrollWidth") <= width
    sizes = found.evaluate(
        """() => [...document.querySelectorAll(".plot text")].filter((text) => text.checkVisibility())
            .map((text) => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a)"""
    )
    assert 10 < min(sizes) < max(sizes) < 16.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_marks_take_the_colours_of_the_theme(shown, theme):
    found = shown(theme, 1280)

    assert (
        found.evaluate('getComputedStyle(document.querySelector(".plot .p-bar")).fill')
        == {
            "light": "rgb(111, 124, 137)",
            "dark": "rgb(147, 161, 174)",
        }[theme]
    )


def test_print_is_light_whatever_the_theme(shown):
    found = shown("dark", 1280)
    found.emulate_media(media="print")

    assert (
        found.evaluate('getComputedStyle(document.querySelector(".plot .p-bar")).fill')
        == "rgb(111, 124, 137)"
    )
