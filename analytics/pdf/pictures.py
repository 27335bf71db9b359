"""Plots within a document: written out as what the printer's SVG reader gets right."""

import base64
import re
from collections.abc import Iterator
from xml.etree import ElementTree

from reportlab.pdfbase.pdfmetrics import stringWidth

from analytics.pdf.fonts import FAMILY, REGULAR, STRONG, STRONG_WEIGHT, Fallback, Run, runs

_SVG = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
_NAMESPACE = "{http://www.w3.org/2000/svg}"
_INHERITED = ("font-size", "text-anchor", "font-weight")
_TALLEST = 820.0  # CSS px: on a page of A4 there is room for its heading too
_PLAIN = {"normal", "lighter", "100", "200", "300", "400"}
_NOT_PRINTED = {f"{_NAMESPACE}title", f"{_NAMESPACE}style"}
# Classes and styles belong to a page. A family other than ours, or a slant, would set the reader looking for files.
_DROPPED = ("class", "style", "font-family", "font-style")
ElementTree.register_namespace("", _NAMESPACE.strip("{}"))  # written without a prefix


def with_pictures(html: str, fallback: Fallback | None) -> str:
    """The document with every <svg> as an image of its own size in CSS px; ParseError for one that is no XML."""
    return _SVG.sub(lambda found: _image(found.group(), fallback), html)


def _image(svg: str, fallback: Fallback | None) -> str:
    root = ElementTree.fromstring(svg)
    _prepare(root, fallback, {"font-size": "16", "text-anchor": "start", "font-weight": "normal"})
    root.set("font-family", FAMILY)
    packed = base64.b64encode(ElementTree.tostring(root)).decode()
    width, height = float(root.get("width", "0")), float(root.get("height", "0"))
    fitting = min(1.0, _TALLEST / height) if height else 1.0
    return (
        f'<img src="data:image/svg+xml;base64,{packed}" width="{width * fitting:.2f}"'
        f' height="{height * fitting:.2f}">'
    )


def _prepare(node: ElementTree.Element, fallback: Fallback | None, known: dict[str, str]) -> None:
    """Without hover text, which would be printed with the words it belongs to, and one font for each text."""
    for name in _DROPPED:
        node.attrib.pop(name, None)
    if "font-weight" in node.attrib:
        node.set("font-weight", "normal" if node.get("font-weight") in _PLAIN else STRONG_WEIGHT)
    known = {name: node.get(name, known[name]) for name in _INHERITED}
    for place, child in reversed(list(enumerate(node))):
        if child.tag in _NOT_PRINTED:
            node.remove(child)
            continue
        _prepare(child, fallback, known)
        if child.tag == f"{_NAMESPACE}text" and fallback is not None:
            parts = list(_in_one_font(child, fallback, {**known, **child.attrib}))
            if parts:
                node.remove(child)
                for part in reversed(parts):
                    node.insert(place, part)


def _in_one_font(
    text: ElementTree.Element, fallback: Fallback, known: dict[str, str]
) -> Iterator[ElementTree.Element]:
    """A text for each run, side by side; none where one font has it all.

    The reader measures all runs of a line with the first one's font, so that they would overlap.
    """
    pieces = list(runs(text.text or "", fallback))
    if not any(piece.is_fallback for piece in pieces):
        return
    size = float(known["font-size"])
    own = REGULAR if known["font-weight"] == "normal" else STRONG

    def width(words: str, piece: Run) -> float:
        return stringWidth(words, fallback.face if piece.is_fallback else own, size)

    total = sum(width(piece.text, piece) for piece in pieces)
    x = float(text.get("x", "0")) - total * {"middle": 0.5, "end": 1.0}.get(known["text-anchor"], 0.0)
    for piece in pieces:
        words = piece.text.lstrip()  # the reader drops spaces in front, and their width with them
        at = x + width(piece.text, piece) - width(words, piece)
        part = ElementTree.Element(text.tag, {**text.attrib, "x": f"{at:.2f}", "text-anchor": "start"})
        part.set("font-family", fallback.family if piece.is_fallback else FAMILY)
        if piece.is_fallback:
            part.set("font-weight", "normal")  # there is no other of it
        part.text = words
        yield part
        x += width(piece.text, piece)
