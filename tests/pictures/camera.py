"""A browser that opens pages, looks for what is wrong with them, and takes their pictures."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Error, Page, TimeoutError

from tests.e2e.looking import findings
from tests.pictures.pages import Sight
from tests.pictures.plants import as_cookie
from tests.plant import Plant

SIZES = {1280: 800, 820: 1180, 390: 844}
TALLEST = 3000  # what lies further down looks like what lies above it


@dataclass
class Seen:
    """What became of one page at one width: its pictures by theme, and what is wrong with it."""

    plant: str
    sight: Sight
    width: int
    files: dict[str, Path] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    no_page: str = ""


class Camera:
    def __init__(
        self,
        browser: Browser,
        plant: Plant,
        *,
        kind: str,
        width: int,
        language: str,
        folder: Path,
        axe: bool,
        medium: str = "screen",
    ) -> None:
        self.plant, self.kind, self.width, self.folder, self.axe = plant, kind, width, folder, axe
        small = width < 1000
        self.context = browser.new_context(
            viewport={"width": width, "height": SIZES[width]},
            locale=language,
            has_touch=small,
            is_mobile=small,
            reduced_motion="reduce",  # a fade is no colour to judge
            forced_colors="active" if medium == "forced" else "none",
        )
        self.paper = medium == "print"
        self.context.set_default_timeout(30_000)
        self.context.add_cookies([as_cookie(plant)])  # type: ignore[list-item]
        self.page: Page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on("console", lambda message: self._complain(message.type, message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        self.page.on("request", self._look_at)
        self.page.on("response", self._look_at_answer)
        self.page.on("dialog", lambda dialog: dialog.accept())

    def _complain(self, type: str, text: str) -> None:
        # The page says so itself; a missing part is told below.
        if type == "error" and not text.endswith(("404 (Not Found)", "410 (Gone)")):
            self.wrong.append(f"console: {text[:200]}")

    def _look_at(self, request: Any) -> None:
        host = self.plant.url.removeprefix("http")
        if not request.url.startswith((f"http{host}", f"ws{host}", "data:", "blob:")):
            self.wrong.append(f"asks a stranger: {request.url[:120]}")

    def _look_at_answer(self, response: Any) -> None:
        if response.status >= 400 and not response.request.is_navigation_request():
            self.wrong.append(f"{response.status}: {response.url.removeprefix(self.plant.url)[:120]}")

    def take(self, sight: Sight, themes: list[str]) -> Seen:
        """Open a page and take it in each theme."""
        self.wrong.clear()
        seen = Seen(self.kind, sight, self.width)
        # Asked beside the page first: a browser shows an empty refusal as an error of its own.
        answer = self.context.request.get(self.plant.url + sight.path)
        kind = answer.headers.get("content-type", "")
        if answer.status in (403, 405) or "html" not in kind or "<html" not in answer.text()[:400]:
            seen.no_page = f"answers {answer.status}, {kind or 'no type'}"
            return seen
        if answer.status >= 500:
            seen.wrong.append(f"answers {answer.status}")
        self.page.emulate_media(color_scheme=themes[0])  # type: ignore[arg-type]
        try:
            self.page.goto(self.plant.url + sight.path)
        except Error as trouble:
            seen.wrong.append(f"does not open: {str(trouble).splitlines()[0][:200]}")
            return seen
        if "/docs" in sight.path:  # Swagger builds its page itself
            try:
                self.page.wait_for_selector(".opblock-tag")
            except TimeoutError:
                seen.wrong.append("Swagger showed no procedures")
        return self.shoot(seen, themes)

    def shoot(self, seen: Seen, themes: list[str]) -> Seen:
        """Take the page that is open."""
        page = self.page
        try:
            page.wait_for_selector(
                "#awaited", state="detached"
            )  # figures of many devices come after their page
        except TimeoutError:
            seen.wrong.append("its figures did not come")
        if page.locator("[data-line]").count():
            try:
                page.wait_for_selector("[data-line=live]", state="attached", timeout=4000)
            except TimeoutError:
                seen.wrong.append("the live line did not come up within 4 s")
        page.evaluate("() => scrollTo(0, 0)")  # else what is sticky hangs in the middle of a tall picture
        # Now: taking a picture puts a style into the page, of which the page's policy complains.
        seen.wrong.extend(dict.fromkeys(self.wrong))
        for theme in themes:
            page.emulate_media(color_scheme=theme, media="print" if self.paper else "screen")  # type: ignore[arg-type]
            if "/admin/" in page.url and theme != themes[0]:
                page.reload()  # the admin looks at the browser's theme once
            page.evaluate("() => document.fonts.ready.then(() => null)")
            height = min(page.evaluate("() => document.documentElement.scrollHeight"), TALLEST)
            file = self.folder / self.kind / f"{seen.sight.name}-{self.width}-{theme}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            page.screenshot(
                path=file,
                full_page=True,
                animations="disabled",
                clip={"x": 0, "y": 0, "width": self.width, "height": max(height, SIZES[self.width])},
            )
            seen.files[theme] = file
            if self.axe:
                seen.wrong.extend(f"axe, {theme}: {found}" for found in findings(page))
        page.emulate_media(media="screen")  # what is not on paper cannot be pressed
        wide = page.evaluate("() => document.documentElement.scrollWidth")
        if wide > self.width:
            seen.wrong.append(f"is {wide} px wide")
        return seen


@contextmanager
def camera(browser: Browser, plant: Plant, **chosen: Any) -> Iterator[Camera]:
    made = Camera(browser, plant, **chosen)
    try:
        yield made
    finally:
        made.context.close()
