"""Which font has which character: Inter, and behind it one that the plant chose for its own script."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import groupby
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError
from svglib.fonts import register_font

FOLDER = Path(__file__).resolve().parent / "fonts"
FAMILY = "Inter"
# The names are those that xhtml2pdf gives its faces, so that text and plots share what is embedded.
REGULAR, STRONG = "inter_00", "inter_10"
FILES = {REGULAR: FOLDER / "Inter-Regular.ttf", STRONG: FOLDER / "Inter-SemiBold.ttf"}
STRONG_WEIGHT = "600"
_SUFFIXES = {".ttf", ".ttc", ".otf"}  # by which the PDF writer knows what it reads
_SHAPELESS = {"Cc", "Cf", "Cs", "Zl", "Zp", "Zs", "Mn", "Me"}


class UnusableFont(Exception):
    """The file is not a TrueType font that can be embedded."""


@dataclass(frozen=True, slots=True)
class Fallback:
    """A font for what Inter lacks: its file, the family that a stylesheet names, the face behind it."""

    path: Path
    family: str
    face: str


@dataclass(frozen=True, slots=True)
class Run:
    """Characters that one face sets."""

    text: str
    is_fallback: bool


@cache
def register() -> None:
    """Make Inter known to whatever draws; once per process."""
    register_font(FAMILY, str(FILES[REGULAR]), rlgFontName=REGULAR)
    register_font(FAMILY, str(FILES[STRONG]), weight=STRONG_WEIGHT, rlgFontName=STRONG)


def fallback_of(font: Path | None) -> Fallback | None:
    """The plant's own font, made known; of a collection (.ttc) the first."""
    return None if font is None else _registered(font, font.stat().st_mtime_ns if font.is_file() else 0)


@cache
def _registered(font: Path, changed_at: int) -> Fallback:
    """Named after what the file was then, so that another one is another font to every cache below us."""
    family = f"fallback-{sha256(f'{font} {changed_at}'.encode()).hexdigest()[:8]}"
    if font.suffix.lower() not in _SUFFIXES:
        raise UnusableFont(f"{font} cannot be embedded: its name does not end in .ttf, .ttc or .otf.")
    try:
        found, _ = register_font(family, str(font), rlgFontName=f"{family}_00")
    except (TTFError, OSError, ValueError) as error:
        raise UnusableFont(f"{font} cannot be embedded: {error}") from error
    if found is None:
        raise UnusableFont(f"{font} cannot be embedded: it is no TrueType font, or has PostScript outlines.")
    return Fallback(font, family, f"{family}_00")


def has(face: str, character: str) -> bool:
    """Whether a face has a shape for a character; those that need none count as had."""
    known = pdfmetrics.getFont(face).face.charToGlyph
    return ord(character) in known or unicodedata.category(character) in _SHAPELESS


def missing_characters(text: str, font: Path | None = None) -> set[str]:
    """What would be printed as an empty box: characters of the text that neither Inter nor `font` has."""
    register()
    fallback = fallback_of(font)
    lacking = {one for one in set(unicodedata.normalize("NFC", text)) if not has(REGULAR, one)}
    return {one for one in lacking if fallback is None or not has(fallback.face, one)}


def runs(text: str, fallback: Fallback | None) -> Iterator[Run]:
    """The text cut where another font has to take over; what none has stays with Inter, which draws a box."""

    def is_foreign(character: str) -> bool:
        return fallback is not None and not has(REGULAR, character) and has(fallback.face, character)

    for foreign, letters in groupby(text, is_foreign):
        yield Run("".join(letters), foreign)
