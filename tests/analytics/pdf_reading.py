"""What stands in a PDF, and where: for the tests of PDFs and of reports."""

import pypdfium2

MM = 72 / 25.4


def texts(pdf: bytes) -> list[str]:
    """The words of each page without any space: where a line was broken they are whole again."""
    return [joined(page.get_textpage().get_text_bounded()) for page in pypdfium2.PdfDocument(pdf)]


def joined(*words: str) -> str:
    return "".join("".join(map(str, words)).split())


def letters(pdf: bytes, page: int = 0) -> list[tuple[str, float, float, float, float]]:
    """Every character of a page with its box in points: (character, left, bottom, right, top)."""
    words = pypdfium2.PdfDocument(pdf)[page].get_textpage()
    return [
        (words.get_text_range(place, 1), *words.get_charbox(place)) for place in range(words.count_chars())
    ]


def outside_of_margins(pdf: bytes) -> list[tuple[int, str]]:
    """(page, character) of all that stands where nothing is to stand."""
    return [
        (page, letter)
        for page in range(len(pypdfium2.PdfDocument(pdf)))
        for letter, left, bottom, right, top in letters(pdf, page)
        if letter.strip()
        and not (17.5 * MM <= left <= right <= 192.5 * MM and 8 * MM <= bottom <= top <= 289 * MM)
    ]


def on_each_other(pdf: bytes) -> list[tuple[int, str, str]]:
    """(page, character, character) of those printed over each other: their boxes share most of the smaller one."""
    found = []
    for page in range(len(pypdfium2.PdfDocument(pdf))):
        boxes = sorted(one for one in letters(pdf, page) if one[0].strip() and one[3] > one[1])
        for place, (letter, left, bottom, right, top) in enumerate(boxes):
            for other, begin, low, end, high in boxes[place + 1 : place + 40]:
                shared = (min(right, end) - max(left, begin)) * (min(top, high) - max(bottom, low))
                least = min((right - left) * (top - bottom), (end - begin) * (high - low))
                overlap = min(right, end) > max(left, begin) and min(top, high) > max(bottom, low)
                if overlap and least > 0 and shared > 0.6 * least:
                    found.append((page, letter, other))
    return found
