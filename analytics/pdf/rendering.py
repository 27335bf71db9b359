"""From HTML to PDF, in this process and from nothing but what is passed."""

import io
import logging
import unicodedata
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from xml.etree.ElementTree import ParseError

import pypdf
from pypdf.generic import ArrayObject, ByteStringObject
from xhtml2pdf.config.resources import ResourceAccessPolicy
from xhtml2pdf.document import pisaDocument

from analytics.pdf.fonts import FAMILY, FILES, FOLDER, REGULAR, STRONG, Fallback, fallback_of, register
from analytics.pdf.keeping import keep_beginnings
from analytics.pdf.pictures import with_pictures

CREATOR = "Smart Factory IoT"
_OURS = "font:"
_NO_PICTURE = ("Could not get image data", "Error in handling image", "Cannot identify image file")
logger = logging.getLogger(__name__)


class PdfFailed(Exception):
    """The document could not be made; the reason is in the sentence."""


def render(
    html: str,
    *,
    font: Path | None = None,
    title: str = "",
    author: str = "",
    made_at: datetime | None = None,
) -> bytes:
    """A whole HTML document, its stylesheet with @page included, as PDF.

    Plots may stand in it as <svg>, pictures as data: URIs; nothing else is loaded. `font` (.ttf or .ttc) sets what
    Inter lacks. The same arguments, `made_at` among them, give the same bytes. Raises PdfFailed, UnusableFont.
    """
    register()
    keep_beginnings()
    fallback = fallback_of(font)
    out = io.BytesIO()
    try:
        source = _with_fonts(with_pictures(unicodedata.normalize("NFC", html), fallback), fallback)
        made = pisaDocument(
            io.BytesIO(source.encode()),  # text would go through a temporary file
            out,
            encoding="utf-8",
            link_callback=lambda uri, _base: _resolved(uri, fallback),
            resource_policy=_policy(fallback),
        )
    except PdfFailed:
        raise
    except ParseError as error:
        raise PdfFailed(f"A plot of the document is no SVG: {error}.") from error
    except Exception as error:
        raise PdfFailed(f"The document could not be laid out: {error or type(error).__name__}") from error
    lost = [message for _, _, message, _ in made.log if message.startswith(_NO_PICTURE)]
    if made.err or lost:
        raise PdfFailed(f"The document could not be laid out: {lost[0] if lost else made.log[-1][2]}")
    return _described(out.getvalue(), title=title, author=author, made_at=made_at or datetime.now(UTC))


def _with_fonts(html: str, fallback: Fallback | None) -> str:
    """The document with our fonts declared, and the plant's behind them wherever Inter is asked for."""
    faces = (
        f'@font-face {{ font-family: {FAMILY}; src: url("{_OURS}{REGULAR}"); }}'
        f'@font-face {{ font-family: {FAMILY}; font-weight: bold; src: url("{_OURS}{STRONG}"); }}'
    )
    families = FAMILY
    if fallback is not None:
        faces += f'@font-face {{ font-family: {fallback.family}; src: url("{_OURS}{fallback.face}"); }}'
        families += f", {fallback.family}"
    style = f"<style>{faces} html, body {{ font-family: {families}; }}</style>"
    head, end, rest = html.partition("</head>")
    return f"{head}{style}{end}{rest}" if end else f"<html><head>{style}</head><body>{html}</body></html>"


def _resolved(uri: str | Path | None, fallback: Fallback | None) -> str:
    """Where a resource lies: one of our fonts, or what the document brings along itself."""
    asked = str(uri)
    if asked.startswith("data:image/"):
        return asked
    faces = {f"{_OURS}{face}": path for face, path in FILES.items()}
    if fallback is not None:
        faces[f"{_OURS}{fallback.face}"] = fallback.path
    if asked not in faces:
        raise PdfFailed(f"A document may not load {asked[:120]!r}.")
    return str(faces[asked])


def _policy(fallback: Fallback | None) -> ResourceAccessPolicy:
    """What the library itself may read, whatever way it gets there."""
    own = () if fallback is None else (fallback.path,)
    return ResourceAccessPolicy.server(
        FOLDER,
        extra_roots=own,
        allow_remote=False,
        max_local_bytes=60_000_000,
        max_total_bytes=80_000_000,
        max_document_bytes=60_000_000,
        max_image_pixels=40_000_000,
        max_render_seconds=300,
    )


def _described(pdf: bytes, *, title: str, author: str, made_at: datetime) -> bytes:
    """With what the document says of itself, and nothing in it that changes from run to run."""
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    known: dict = reader.metadata or {}
    writer = pypdf.PdfWriter(clone_from=reader)
    stamp = f"D:{made_at.astimezone(UTC):%Y%m%d%H%M%S}Z"
    writer.metadata = {
        "/Title": title or str(known.get("/Title", "")),
        "/Author": author or str(known.get("/Author", "")),
        "/Creator": CREATOR,
        "/CreationDate": stamp,
        "/ModDate": stamp,
    }
    mark = ByteStringObject(sha256(f"{title}\n{author}\n{stamp}".encode()).digest()[:16])
    writer._ID = ArrayObject([mark, mark])
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
