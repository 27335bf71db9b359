"""How wide words are before anything draws them: Inter's widths, and rather a wide guess than a narrow one."""

import unicodedata
from functools import lru_cache

TEXT, SMALL = 12.5, 11.5  # font sizes in CSS px

# Advance widths of Inter Regular from the space to the tilde, digits tabular, in thousandths of an em.
_ASCII = (
    "281 288 466 633 648 982 644 300 365 365 501 662 288 460 288 360 648 648 648 648 648 648 648 648 648 648"
    " 288 302 662 662 662 511 966 690 654 730 722 601 590 746 743 269 571 672 565 903 753 765 639 765 644 642"
    " 646 744 690 985 682 679 629 365 360 365 471 456 323 562 612 571 612 583 370 613 591 242 242 549 242 876"
    " 591 600 612 612 376 528 327 591 562 818 546 562 552 426 333 426 662"
)
_WIDTHS = {chr(32 + place): int(width) / 1000 for place, width in enumerate(_ASCII.split())}
_WIDTHS |= {"–": 0.68, "—": 1.0, "−": 0.67, "…": 0.87, "·": 0.29, "×": 0.67, "°": 0.4, "µ": 0.61}
_WIDTHS |= dict.fromkeys("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", 0.47)
_SPACES = {"\u00a0": 0.281, "\u2009": 0.2, "\u202f": 0.281}
_LOWER, _UPPER, _BROAD, _SQUARE = 0.68, 0.82, 1.12, 1.0
_BROAD_LETTERS = frozenset("ЖШЩЫЮЉЊЋжшщыюљњћфФѢМΜΦΨΏΉΌΎ№‰Œœ℃℉→←↔")
_STRONG = 1.07  # the semi-bold, at most


@lru_cache(4096)
def _width(letter: str) -> float:
    known = _WIDTHS.get(letter) or _SPACES.get(letter)
    if known is not None:
        return known
    category = unicodedata.category(letter)
    if category in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return _SQUARE
    base = unicodedata.normalize("NFD", letter)[0]
    if base in _WIDTHS:
        return _WIDTHS[base] + 0.04
    if letter in _BROAD_LETTERS:
        return _BROAD
    return _LOWER if category == "Ll" else _UPPER


def width_of(words: str, size: float = TEXT, *, is_strong: bool = False) -> float:
    """The width of a line in CSS px."""
    return sum(map(_width, words)) * size * (_STRONG if is_strong else 1)


def shortened(words: str, room: float, size: float = TEXT, *, is_strong: bool = False) -> str:
    """The words, or as many of them as `room` CSS px hold with an ellipsis; nothing where not even that fits."""
    if width_of(words, size, is_strong=is_strong) <= room:
        return words
    room -= width_of("…", size, is_strong=is_strong)
    if room < 0:
        return ""
    kept = 0
    for letter in words:
        room -= width_of(letter, size, is_strong=is_strong)
        if room < 0:
            break
        kept += 1
    return words[:kept].rstrip() + "…"
