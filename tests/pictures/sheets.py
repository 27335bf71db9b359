"""Many pictures on few sheets: a page to scroll through, and large pictures made of small ones."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from PIL import Image, ImageDraw

from tests.pictures.camera import Seen

SHEET_WIDTH, GAP, LABEL = 1920, 12, 16
THUMB_WIDTH = {1280: 624, 820: 404, 390: 258}
THUMB_TALLEST = 620


def contact_sheet(folder: Path, seen: Sequence[Seen]) -> Path:
    parts = [
        f"<section><h2>{escape(one.plant)}: {escape(one.sight.name)}, {one.width}</h2>"
        f"<p><code>{escape(one.sight.path)}</code></p>"
        + "".join(f"<p class=wrong>{escape(words)}</p>" for words in one.wrong)
        + "".join(
            f'<a href="{file.relative_to(folder)}"><img loading=lazy src="{file.relative_to(folder)}"'
            f' width="{min(one.width, 560)}" alt="{theme}"></a>'
            for theme, file in one.files.items()
        )
        + "</section>"
        for one in seen
        if one.files
    ]
    page = folder / "index.html"
    style = "body{font:15px sans-serif;background:#888}section{margin:24px}img{margin:4px}.wrong{color:#900}"
    page.write_text(
        f"<!doctype html><meta charset=utf-8><title>Pictures</title><style>{style}</style>" + "".join(parts)
    )
    return page


def montages(folder: Path, seen: Sequence[Seen], *, rows: int = 2) -> list[Path]:
    """Sheets of pictures of one plant, width and theme, in the order of the pages."""
    made = []
    kinds = dict.fromkeys((one.plant, one.width, theme) for one in seen for theme in one.files)
    for plant, width, theme in kinds:
        shots = [
            (one.sight.name, one.files[theme])
            for one in seen
            if (one.plant, one.width) == (plant, width) and theme in one.files
        ]
        per_row = SHEET_WIDTH // (THUMB_WIDTH[width] + GAP)
        step = per_row * rows
        for number, start in enumerate(range(0, len(shots), step), 1):
            file = folder / "montages" / f"{plant}-{width}-{theme}-{number:02}.png"
            file.parent.mkdir(exist_ok=True)
            _montage(shots[start : start + step], THUMB_WIDTH[width], per_row).save(file)
            made.append(file)
    return made


def _montage(shots: Sequence[tuple[str, Path]], width: int, per_row: int) -> Image.Image:
    rows = -(-len(shots) // per_row)
    high = THUMB_TALLEST + LABEL + GAP
    sheet = Image.new("RGB", (SHEET_WIDTH, rows * high), "#c9a")
    pen = ImageDraw.Draw(sheet)
    for at, (name, file) in enumerate(shots):
        x, y = (at % per_row) * (width + GAP) + GAP // 2, (at // per_row) * high
        with Image.open(file) as image:
            small = image.convert("RGB").resize(
                (width, max(1, image.height * width // image.width)), Image.Resampling.LANCZOS
            )
        sheet.paste(small.crop((0, 0, width, min(small.height, THUMB_TALLEST))), (x, y + LABEL))
        pen.text((x, y + 2), name, fill="black")
    return sheet


def report(folder: Path, seen: Sequence[Seen]) -> Path:
    """What is wrong, page by page, and what turned out to be no page."""
    lines = [
        f"{one.plant} {one.sight.name} {one.width} {one.sight.path}: {words}"
        for one in seen
        for words in dict.fromkeys(one.wrong)
    ]
    no_pages = sorted(
        {f"no page: {one.sight.name} {one.sight.path}: {one.no_page}" for one in seen if one.no_page}
    )
    pictures = sum(len(one.files) for one in seen)
    file = folder / "report.txt"
    file.write_text("\n".join([f"{pictures} pictures, {len(lines)} complaints", *lines, *no_pages, ""]))
    return file
