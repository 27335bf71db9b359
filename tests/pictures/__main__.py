"""`python -m tests.pictures FOLDER`: start plants, open every page of them, keep what is seen."""

import argparse
import os
import re
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.pictures import plants

THEMES = ("light", "dark")
WIDTHS = (1280, 820, 390)
MEDIA = ("screen", "print", "forced")  # the last: with the system's own colours


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    parser.add_argument("folder", type=Path, help="where pictures, sheets and the report go")
    parser.add_argument("--plant", action="append", choices=plants.KINDS, help="which; all unless given")
    parser.add_argument("--only", help="pages whose name matches this (a regular expression)")
    parser.add_argument("--theme", action="append", choices=THEMES, help="which; both unless given")
    parser.add_argument(
        "--width", action="append", type=int, choices=WIDTHS, help="1280, and 390 for the full plant"
    )
    parser.add_argument("--as", dest="medium", choices=MEDIA, default="screen", help="screen unless given")
    parser.add_argument("--language", default="en-GB", help="of the browser")
    parser.add_argument("--no-axe", action="store_true", help="only pictures; half the time")
    parser.add_argument("--no-admin", action="store_true", help="without the admin")
    parser.add_argument("--keep", type=Path, help="a folder for the plants' data, used again by the next run")
    parser.add_argument("--readme", action="store_true", help="only docs/images")
    return parser.parse_args()


def main() -> int:
    chosen = options()
    with ExitStack() as ends:
        scratch = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="factory-pictures-")))
        os.environ["FACTORY_DATA"] = str(scratch / "own")  # this process asks no database, only the addresses
        os.environ["DJANGO_SETTINGS_MODULE"] = "factory.settings"
        import django

        django.setup()
        from playwright.sync_api import sync_playwright

        from tests.e2e.conftest import QUIET
        from tests.pictures import readme, sheets

        browser = ends.enter_context(sync_playwright()).chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("chromium-browser"), args=QUIET
        )
        ends.callback(browser.close)
        data = (chosen.keep or scratch).resolve()
        if chosen.readme:
            return readme.take(browser, data / "full", chosen.folder)
        seen = []
        for kind in chosen.plant or plants.KINDS:
            seen += look_at(browser, kind, data / kind, chosen)
        if chosen.folder and seen:
            sheets.contact_sheet(chosen.folder, seen)
            sheets.montages(chosen.folder, seen)
            tell(sheets.report(chosen.folder, seen).read_text())
    return 0


def look_at(browser, kind: str, data: Path, chosen: argparse.Namespace) -> list:
    from tests.pictures.camera import Seen, camera
    from tests.pictures.links import keys_of
    from tests.pictures.pages import Sight, admin_sights, sights
    from tests.pictures.walks import WALKS

    wanted = re.compile(chosen.only or "")
    themes = chosen.theme or list(THEMES)
    seen = []
    with plants.plant_of(kind, data) as plant:
        examples = plants.remembered(data)
        if kind != "empty" and not examples:
            examples = plants.Furnisher(plant, tell).furnish()
            plants.remember(data, examples)
        for width in chosen.width or ([1280, 390] if kind == "full" else [1280]):
            examples = {**examples, **keys_of(data)}  # what one width used up is there again for the next
            pages = [*sights(examples), *(() if chosen.no_admin else admin_sights())]
            how = {"kind": kind, "width": width, "language": chosen.language, "folder": chosen.folder}
            how["medium"] = chosen.medium
            with camera(browser, plant, axe=not chosen.no_axe, **how) as lens:
                for sight in pages:
                    if wanted.search(sight.name):
                        seen.append(lens.take(sight, themes))
                for name, walk in WALKS.items() if kind != "empty" else ():
                    if not wanted.search(name):
                        continue
                    lens.wrong.clear()
                    lens.page.emulate_media(color_scheme=themes[0])
                    one = Seen(kind, Sight(name, "(a walk)"), width)
                    try:
                        walk(lens.page, plant.url, examples)
                        seen.append(lens.shoot(one, themes))
                    except Exception as trouble:
                        one.wrong.append(f"the walk ended early: {str(trouble).splitlines()[0][:200]}")
                        seen.append(one)
            tell(f"{kind}, {width}: {len(seen)} pages so far")
    return seen


def tell(words: str) -> None:
    sys.stdout.write(words.rstrip("\n") + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
