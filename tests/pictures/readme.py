"""The four pictures of docs/images: small files that look sharp."""

from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

from tests.pictures import plants
from tests.pictures.camera import camera

MOST_BYTES = 150_000
WANTED = {
    "overview": "/",
    "device": "/devices/{device_id}/?tab=live&range=24h",
    "energy": "/energy/",
    "wallboard": "/wall/",
}


def take(browser: Browser, data: Path, folder: Path) -> int:
    """Write the four into this folder; returns how many could not be made."""
    missing = 0
    folder.mkdir(parents=True, exist_ok=True)
    with plants.plant_of("full", data) as plant:
        examples = plants.remembered(data) or plants.Furnisher(plant, print).furnish()
        plants.remember(data, examples)
        how = {"kind": "readme", "width": 1280, "language": "en-GB", "folder": folder, "axe": False}
        with camera(browser, plant, **how) as lens:
            for name, path in WANTED.items():
                answer = lens.page.goto(plant.url + path.format(**examples))
                if answer is None or answer.status != 200:
                    missing += 1
                    continue
                lens.page.wait_for_timeout(1500)  # a course and a few values
                file = folder / f"{name}.png"
                lens.page.screenshot(path=file, animations="disabled")
                shrink(file)
    return missing


def shrink(file: Path) -> None:
    """As few colours as it takes to stay small: the pages are grey."""
    with Image.open(file) as image:
        plain = image.convert("RGB")
    for colours in (256, 128, 64):
        plain.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
            file, optimize=True
        )
        if file.stat().st_size <= MOST_BYTES:
            return
