"""Whether a text with a mark has become more than text, in HTML."""

import re
from html.parser import HTMLParser

from tests.hostile.texts import MARK

MARKED = re.compile(rf"{MARK}\d{{9,10}}")
LEADING = {"href", "src", "action", "formaction", "data", "xlink:href", "srcdoc"}


class _AtWork(HTMLParser):
    """Where a text with a mark has become more than text."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.within: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        for name, value in told.items():
            if MARKED.search(name) or (MARKED.search(value) and name.startswith("on")):
                self.wrong.append(f"attribute {name}={value[:60]!r}")
            runs = re.match(r"[\s\0]*(javascript|vbscript|data:text)", value, re.IGNORECASE)
            if runs and MARKED.search(value) and name in LEADING:
                self.wrong.append(f"{tag} {name}={value[:60]!r}")
        if tag in {"script", "iframe", "object", "embed", "base", "meta", "link", "img", "svg"}:
            fetched = [
                v for n, v in told.items() if n in {"src", "href", "data", "srcdoc"} and MARKED.search(v)
            ]
            if fetched and tag not in {"link", "meta"}:
                self.wrong.append(f"<{tag}> of {fetched[0][:60]!r}")
        self.is_code = tag in {"script", "style"} and told.get("type") not in {
            "application/json",
            "text/plain",
        }

    is_code = False

    def handle_endtag(self, tag: str) -> None:
        self.is_code = False

    def handle_data(self, data: str) -> None:
        if self.is_code and MARKED.search(data):
            self.wrong.append(f"code {data[:60]!r}")


def at_work(html: str) -> list[str]:
    page = _AtWork()
    page.feed(html)
    return page.wrong
