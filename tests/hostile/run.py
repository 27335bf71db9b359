"""A plant that really runs, attacked with one kind after the other, and what became of each."""

import json
import random
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests import services
from tests.factory.mqtt_clients import Broker
from tests.factory.test_main_road import services_under_test
from tests.hostile import files, sizes, talking, tokens, wire
from tests.hostile.asking import Ask, procedure
from tests.hostile.looking import look_again, wanted_report
from tests.hostile.scene import Report, Scene
from tests.hostile.texts import MARKDOWN, SQL, TEMPLATE, drawn
from tests.plant import MANAGE, ROOT, Plant, plain_environment, running

MB = 1024 * 1024
# That the server may grow by at its peak, all kinds together; what one body costs is in tests/trpc/test_fuzz.py.
MOST_MB = 160
KINDS = (
    "SQL",
    "template",
    "Markdown and script",
    "path",
    "header",
    "JWT",
    "zip bomb",
    "CSV formula",
    "oversized",
)
TALKING = ("WebSocket", "MQTT")


def run(*, seed: int, count: int | None, say: Callable[[str], None]) -> Report:
    """`count` of each kind; None is every place that takes a text, and 100 of what has no places."""
    folder = Path(tempfile.mkdtemp(prefix="factory-hostile-"))
    try:
        with services_under_test("hostile") as those, services.smtp() as mailbox:
            chosen = {**those, "EMAIL_URL": mailbox.url, "MQTT_BROKER": "amqtt", "REGISTRATION": "open"}
            with running(folder, **chosen) as plant:
                plant.wait_ready()
                return _attack(plant, folder, chosen, mailbox, seed, count, say)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _attack(
    plant: Plant,
    folder: Path,
    chosen: dict[str, str],
    mailbox: Any,
    seed: int,
    count: int | None,
    say: Callable[[str], None],
) -> Report:
    def told(what: str) -> dict[str, Any]:
        environment = plain_environment(**chosen, FACTORY_DATA=str(folder), FACTORY_DEMO="0")
        argv = [MANAGE[0], "-m", "tests.hostile.populate", what]
        environment["DJANGO_SETTINGS_MODULE"] = "factory.settings"
        done = subprocess.run(argv, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout.splitlines()[-1])

    scene = Scene(plant, told("populate"), seed, count, say)
    before, web = told("look"), plant.pid_of(" serve")
    keys, many = scene.keys, count or 100
    scene.get("/devices/")
    Path(f"/proc/{web}/clear_refs").write_text("5")
    held = services.memory_of(web, "VmRSS")
    pdf = scene.call("mutation", "export.deviceReport", wanted_report(scene))

    scene.attack("SQL", scene.texts(SQL, "SQL"))
    scene.attack("template", scene.texts(TEMPLATE, "template"))
    scene.attack("Markdown and script", [*scene.texts(MARKDOWN, "Markdown"), *_notes(scene, many)])
    scene.attack("path", [*wire.paths(keys, scene.rng("path"), many), *files.names(keys)])
    scene.attack("header", wire.headers(keys, scene.rng("header"), max(many, 100)))
    scene.attack("JWT", tokens.asks(keys, scene.rng("JWT"), many, now=int(time.time())))
    scene.attack("zip bomb", files.bombs(keys, scene.rng("zip"), many))
    scene.attack("CSV formula", _tables(keys, scene.rng("CSV"), many))
    scene.attack("oversized", sizes.asks(keys, scene.rng("sizes"), many))
    began = time.monotonic()
    scene.heard(
        "WebSocket",
        talking.over_websocket(plant.url, keys["admin"], scene.rng("ws"), many),
        time.monotonic() - began,
    )
    began = time.monotonic()
    port = int(re.findall(r"mqtt: mqtt://[^:]+:(\d+)", plant.output)[-1])
    broker = Broker(port, "")
    heard = talking.over_mqtt(broker, "talker", keys["talker"], "press-2", scene.rng("mqtt"), many)
    scene.heard("MQTT", heard, time.monotonic() - began)

    look_again(scene, mailbox, pdf)
    scene.report.grown = services.memory_of(web, "VmHWM") - held
    after = told("look")
    scene.blame(*(f"{name} changed" for name in before if after[name] != before[name] and name != "people"))
    scene.blame(*(f"an account changed: {row}" for row in before["people"] if row not in after["people"]))
    came = [row for row in after["people"] if row not in before["people"]]
    scene.blame(*(f"an account of rank came: {row}" for row in came if row[1] != "user"))
    if web != plant.pid_of(" serve"):
        scene.blame("the server was started again")
    if scene.report.grown > MOST_MB * MB:
        scene.blame(f"the server grew by {scene.report.grown / MB:.0f} MB")
    if "Traceback" in plant.output:
        place = plant.output.index("Traceback")
        scene.blame(f"a traceback in the log: {plant.output[max(place - 500, 0) : place + 4000]}")
    scene.sender.close()
    return scene.report


def _tables(keys: dict[str, Any], rng: random.Random, count: int) -> list[Ask]:
    return [*files.formulas(keys, rng, count), *files.thresholds(keys, rng, count // 4)]


def _notes(scene: Scene, count: int) -> list[Ask]:
    """Release notes, which are Markdown, comments and reasons: texts that pages show at length."""
    about = {"deviceType": "sensor", "fileUrl": "https://example.com/f.bin", "fileSize": 9}
    asks = []
    for number, text in enumerate(drawn(MARKDOWN, scene.rng("notes"), count // 4)):
        wanted = {**about, "version": f"7.{number}.0", "checksum": f"{number:064x}", "releaseNotes": text}
        judge = files.kept("releaseNotes", text)
        asks.append(
            procedure(
                "mutation",
                "firmware.create",
                wanted,
                token=scene.keys["admin"],
                text=text,
                status=(200,),
                inert=judge,
            )
        )
    return asks
