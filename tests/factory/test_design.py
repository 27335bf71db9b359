"""The tokens of the pages hold what docs/design.md promises: contrast in each theme, and no colour beside them."""

import re
from pathlib import Path

import pytest

STYLES = Path(__file__).parents[2] / "factory" / "static" / "factory"
SHEET = (STYLES / "factory.css").read_text()
LITERAL = re.compile(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|rgba|hsl|hsla|oklch|lab|color)\(")
SURFACES = ("ground", "panel", "sunk")
TINTS = ("critical-bg", "warning-bg", "info-bg")


def tokens(selector: str) -> dict[str, str]:
    [body] = re.findall(rf"^{re.escape(selector)} \{{(.*?)^\}}", SHEET, re.MULTILINE | re.DOTALL)
    return dict(re.findall(r"--([\w-]+): (#\w+)", body))


THEMES = {
    "light": tokens(":root"),
    "dark": tokens(":root[data-theme=dark]"),
    "contrast": tokens(":root[data-theme=contrast]"),
    "contrast-dark": tokens(":root[data-theme=contrast-dark]"),
}


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    shares = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def too_weak(theme: str, inks: tuple[str, ...], grounds: tuple[str, ...], least: float) -> list[str]:
    named = THEMES[theme]
    ratios = {(ink, ground): contrast(named[ink], named[ground]) for ink in inks for ground in grounds}
    return [f"{ink} on {ground}: {r:.2f}" for (ink, ground), r in ratios.items() if r < least]


@pytest.mark.parametrize("theme", THEMES)
def test_values_are_read_at_aaa_on_every_surface(theme):
    assert too_weak(theme, ("ink",), SURFACES + TINTS, 7.0) == []


@pytest.mark.parametrize("theme", THEMES)
def test_all_other_words_are_read_at_aa(theme):
    assert too_weak(theme, ("ink-2",), SURFACES + TINTS, 4.5) == []
    assert too_weak(theme, ("act",), SURFACES, 4.5) == []
    assert too_weak(theme, ("critical",), ("panel",), 4.5) == []
    assert too_weak(theme, ("on-act",), ("act",), 4.5) == []


@pytest.mark.parametrize("theme", THEMES)
def test_shapes_that_say_something_are_seen(theme):
    assert too_weak(theme, ("critical", "warning", "info", "offline", "trace"), ("panel",), 3.0) == []
    for severity in ("critical", "warning", "info"):
        assert too_weak(theme, (severity,), (f"{severity}-bg",), 3.0) == []


@pytest.mark.parametrize("theme", ["contrast", "contrast-dark"])
def test_high_contrast_is_higher(theme):
    assert too_weak(theme, ("ink",), SURFACES + TINTS, 10.0) == []
    assert too_weak(theme, ("ink-2", "act", "critical", "warning", "info"), SURFACES, 7.0) == []
    assert too_weak(theme, ("edge", "line", "normal"), ("panel",), 4.5) == []


def test_every_theme_names_every_colour():
    named = {theme: sorted(colours) for theme, colours in THEMES.items()}
    assert [theme for theme, colours in named.items() if colours != named["light"]] == []


@pytest.mark.parametrize("sheet", sorted(STYLES.glob("*.css")), ids=lambda sheet: sheet.name)
def test_colours_stand_with_the_tokens_only(sheet):
    rules = sheet.read_text()
    if sheet.name == "factory.css":
        rules = rules[rules.index("/* Ground rules */") :]
    if sheet.name == "admin_colours.css":  # the tokens of the admin's theme, and nothing else
        rules = re.sub(r"--color-[\w-]+: [^;]+;", "", rules)
    # The admin's page does not load the tokens; its sheet repeats some of them under names of its own.
    allowed = set(LITERAL.findall(SHEET)) if sheet.name == "admin.css" else set()
    assert set(LITERAL.findall(rules)) - allowed == set()


def test_fonts_are_fetched_by_the_letters_on_the_page_and_the_first_needs_no_waiting():
    faces = re.findall(r"@font-face \{(.*?)\}", SHEET, re.DOTALL)
    assert len(faces) >= 2
    assert all("unicode-range" in face and "font-display: swap" in face for face in faces)
