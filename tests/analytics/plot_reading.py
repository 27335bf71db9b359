"""Reads plots back: their marks by what they look like, their words with the boxes these take."""

import re
from dataclasses import dataclass
from xml.etree import ElementTree

from analytics.plots.lettering import TEXT, width_of

SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Words:
    text: str
    left: float
    right: float
    baseline: float
    size: float
    look: str

    def is_over(self, other: "Words") -> bool:
        is_beside = self.right <= other.left or other.right <= self.left
        return not is_beside and abs(self.baseline - other.baseline) < 0.85 * max(self.size, other.size)


@dataclass(frozen=True)
class Plot:
    root: ElementTree.Element

    @property
    def size(self) -> tuple[float, float]:
        _, _, width, height = map(float, self.root.get("viewBox", "").split())
        return width, height

    def marks(self, look: str) -> list[ElementTree.Element]:
        """Every element of a look; of a group, what is in it."""
        found: list[ElementTree.Element] = []
        for element in self.root.iter():
            if element.get("class") == f"p-{look}":
                found += list(element) if element.tag == f"{SVG}g" else [element]
        return found

    def boxes(self, look: str) -> list[tuple[float, float, float, float]]:
        """(x, y, width, height) of rectangles."""
        names = ("x", "y", "width", "height")
        marks = (mark for mark in self.marks(look) if mark.tag == f"{SVG}rect")
        return [tuple(float(mark.get(name, "")) for name in names) for mark in marks]  # type: ignore[misc]

    def titles(self) -> list[str]:
        return [title.text or "" for title in self.root.iter(f"{SVG}title")]

    def words(self) -> list[Words]:
        found = []
        for element in self.root.iter(f"{SVG}text"):
            size = float(element.get("font-size", TEXT))
            width = width_of(element.text or "", size, is_strong=element.get("font-weight") == "600")
            start = {"start": 0.0, "middle": 0.5, "end": 1.0}[element.get("text-anchor", "start")]
            left = float(element.get("x", "")) - width * start
            look = element.get("class", "").removeprefix("p-")
            found.append(
                Words(element.text or "", left, left + width, float(element.get("y", "")), size, look)
            )
        return found

    def texts(self) -> list[str]:
        return [words.text for words in self.words()]

    def points(self, look: str) -> list[tuple[float, float]]:
        """Where the paths of a look go through, as far as they say x and y."""
        courses = " ".join(mark.get("d", "") for mark in self.marks(look))
        return [(float(x), float(y)) for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", courses)]

    def extent(self) -> list[tuple[float, float]]:
        """The corners of every rectangle, line and path."""
        corners = []
        for element in self.root.iter():
            get = {name: float(value) for name, value in element.attrib.items() if _is_number(value)}
            if element.tag == f"{SVG}rect":
                corners += [(get["x"], get["y"]), (get["x"] + get["width"], get["y"] + get["height"])]
            elif element.tag == f"{SVG}line":
                corners += [(get["x1"], get["y1"]), (get["x2"], get["y2"])]
            elif element.tag == f"{SVG}circle":
                corners += [(get["cx"], get["cy"])]
        looks = {element.get("class", "").removeprefix("p-") for element in self.root.iter()}
        return corners + [point for look in sorted(looks) for point in self.points(look)]


def read(svg: str) -> Plot:
    return Plot(ElementTree.fromstring(svg))


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?[\d.]+(e-?\d+)?", text) is not None
