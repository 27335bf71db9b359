"""A plant that really runs, attacked with one kind after the other, and what became of each."""

import json
import random
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from tests import services
from tests.analytics.pdf_reading import joined
from tests.analytics.pdf_reading import texts as texts_of_pdf
from tests.factory.mqtt_clients import Broker
from tests.factory.test_main_road import services_under_test
from tests.hostile import files, sizes, surfaces, talking, tokens, wire
from tests.hostile.asking import CLOSED, Answer, Ask, Sender, procedure
from tests.hostile.texts import MARK, MARKDOWN, PRODUCT, SQL, TEMPLATE, drawn
from tests.plant import MANAGE, ROOT, Plant, plain_environment, running
from tests.services import wait_until

MB = 1024 * 1024
MOST_MB = (
    200  # that the server may grow by, all kinds together; what one body costs is in tests/trpc/test_fuzz.py
)
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
LISTS = (
    "/devices/",
    "/alerts/",
    "/groups/",
    "/maintenance/",
    "/firmware/",
    "/notifications/",
    "/",
    "/search?q=hx",
)
ADMIN = (
    "devices/device",
    "alerts/alert",
    "grouping/group",
    "alerts/maintenancewindow",
    "ota/firmware",
    "accounts/auditentry",
)


@dataclass
class Row:
    """What one kind came to."""

    kind: str
    sent: int = 0
    refused: int = 0
    closed: int = 0
    harmless: int = 0
    failed: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0


@dataclass
class Report:
    rows: list[Row] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    grown: int = 0  # bytes, the peak of the server's memory
    inert: dict[str, int] = field(
        default_factory=dict
    )  # where texts were found again: how many, all of them inert


class Scene:
    """The plant with its keys, and what is counted while it is attacked."""

    def __init__(self, plant: Plant, keys: dict[str, Any], seed: int, count: int | None) -> None:
        self.plant, self.keys, self.seed, self.count = plant, keys, seed, count
        self.sender = Sender(plant.url)
        self.report = Report()
        self.secrets = (keys["secret_key"], keys["password"], "root:x:0:0")

    def attack(self, kind: str, asks: Iterable[Ask]) -> None:
        row, began = Row(kind), time.monotonic()
        for ask in asks:
            self._judge(row, ask, self.sender.send(ask))
        row.seconds = time.monotonic() - began
        self.report.rows.append(row)

    def _judge(self, row: Row, ask: Ask, answer: Answer) -> None:
        row.sent += 1
        row.statuses[answer.status] += 1
        is_judged = ask.inert and (answer.status < 400 or ask.raw is not None)
        wrong = ask.inert(answer) if is_judged and ask.inert else ""
        if answer.status >= 500:
            row.failed += 1
            wrong = "a failure of ours"
        elif ask.status and answer.status not in ask.status:
            wrong = f"not {ask.status}"
        elif answer.status == CLOSED:
            row.closed += 1
        elif answer.status >= 400:
            row.refused += 1
        else:
            row.harmless += 1
        if any(secret in answer.text for secret in self.secrets):
            wrong = "a secret was told"
        if PRODUCT in answer.text:
            wrong = "a template was worked out"
        if "html" in answer.headers.get("Content-Type", ""):
            wrong = wrong or "; ".join(at_work(answer.text))
        if wrong:
            self.report.problems.append(
                f"{row.kind}: {ask.surface} {ask.text[:80]!r}: {answer.status}, {wrong}"
            )

    def heard(self, kind: str, told: Sequence[talking.Told], seconds: float) -> None:
        refused = [each for each in told if each.refused]
        row = Row(kind, len(told), len(refused), seconds=seconds)
        self.report.rows.append(row)
        self.report.problems += [f"{kind}: {each.name}: {each.how}" for each in told if not each.refused]

    def texts(self, pool: Sequence[str], salt: str) -> list[Ask]:
        """Every text that can be put anywhere; or so many of them, of other places with each seed."""
        rng = random.Random(f"{self.seed} {salt}")
        document = json.loads(self.sender.send(Ask("", "/api/schema")).body)
        slots = [*surfaces.procedures(document, self.keys), *surfaces.pages(self.keys)]
        if self.count is not None and self.count < len(slots):
            slots = rng.sample(slots, self.count)
        return [
            _with_judge(slot, text) for slot, text in zip(slots, drawn(pool, rng, len(slots)), strict=True)
        ]

    def rng(self, salt: str) -> random.Random:
        return random.Random(f"{self.seed} {salt}")

    def get(self, path: str) -> Answer:
        return self.sender.send(
            Ask(path, path, headers=(("Cookie", f"app_session_id={self.keys['admin']}"),))
        )

    def call(self, kind: str, path: str, value: Any) -> Any:
        answer = self.sender.send(procedure(kind, path, value, token=self.keys["admin"]))
        assert answer.status == 200, answer.text
        return answer.data


def _with_judge(slot: surfaces.Slot, text: str) -> Ask:
    ask = slot.ask(text)

    def look(answer: Answer) -> str:
        found = answer.data
        if slot.finds and isinstance(found, list) and found:
            return "it found something"
        if isinstance(found, dict) and slot.member in found and isinstance(found[slot.member], str):
            return "" if found[slot.member] == text.strip() else f"kept as {found[slot.member]!r}"
        return ""

    return Ask(ask.surface, ask.path, ask.method, ask.headers, ask.body, text=text, inert=look)


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


MARKED = re.compile(rf"{MARK}\d{{9,10}}")


def at_work(html: str) -> list[str]:
    page = _AtWork()
    page.feed(html)
    return page.wrong


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

    scene = Scene(plant, told("populate"), seed, count)
    before, web = told("look"), plant.pid_of(" serve")
    keys, many = scene.keys, count or 100
    scene.get("/devices/")
    Path(f"/proc/{web}/clear_refs").write_text("5")
    held = memory(web, "VmRSS")
    pdf = scene.call("mutation", "export.deviceReport", _report(scene))

    scene.attack("SQL", scene.texts(SQL, "SQL"))
    scene.attack("template", scene.texts(TEMPLATE, "template"))
    scene.attack("Markdown and script", [*scene.texts(MARKDOWN, "Markdown"), *_notes(scene, many)])
    scene.attack("path", wire.paths(keys, scene.rng("path"), many))
    scene.attack("header", wire.headers(keys, scene.rng("header"), max(many, 100)))
    scene.attack("JWT", tokens.asks(keys, scene.rng("JWT"), many, now=int(time.time())))
    scene.attack("zip bomb", files.bombs(keys, scene.rng("zip"), many))
    scene.attack("CSV formula", files.formulas(keys, scene.rng("CSV"), many))
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

    _look_again(scene, mailbox, pdf)
    scene.report.grown = memory(web, "VmHWM") - held
    after = told("look")
    problems = scene.report.problems
    problems += [f"{name} changed" for name in before if after[name] != before[name] and name != "people"]
    problems += [f"an account changed: {row}" for row in before["people"] if row not in after["people"]]
    problems += [
        f"an account of rank came: {row}"
        for row in after["people"]
        if row not in before["people"] and row[1] != "user"
    ]
    if web != plant.pid_of(" serve"):
        problems.append("the server was started again")
    if scene.report.grown > MOST_MB * MB:
        problems.append(f"the server grew by {scene.report.grown / MB:.0f} MB")
    if "Traceback" in plant.output:
        place = plant.output.index("Traceback")
        problems.append(f"a traceback in the log: {plant.output[place : place + 4000]}")
    return scene.report


def memory(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


NAME = "<script>hx1000000001()</script>{{1337*7919}}"


def _report(scene: Scene) -> dict[str, Any]:
    """A report of a device with a hostile name, and an alert of it that is mailed."""
    about = {"id": scene.keys["paper_id"], "name": NAME, "location": NAME, "zone": "<b>hx1000000002</b>"}
    scene.call("mutation", "devices.update", about)
    message = "<script>hx1000000003()</script>\r\nBcc: evil@example.com"
    alert = {
        "deviceId": scene.keys["paper_id"],
        "type": "custom",
        "severity": "critical",
        "message": message,
    }
    answer = scene.sender.send(procedure("mutation", "alerts.create", alert, token=scene.keys["admin"]))
    assert answer.status == 200, answer.text
    now = int(time.time() * 1000)
    return {"deviceId": scene.keys["paper_id"], "startTime": now - 86_400_000, "endTime": now}


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


def _look_again(scene: Scene, mailbox: Any, report: dict[str, Any]) -> None:
    """Where the texts that were taken come up again: on pages, in the admin, in files, in letters, on paper."""
    firmware = [f"/firmware/{each['id']}/" for each in scene.call("query", "firmware.list", {})]
    groups = [f"/groups/{each['id']}/" for each in scene.call("query", "groups.list", None)]
    device = [f"/devices/{scene.keys[name]}/" for name in ("device_id", "paper_id")]
    alerts = [f"/alerts/{each['id']}/" for each in scene.call("query", "alerts.list", {"limit": 20})]
    paths = [*LISTS, *firmware[:40], *groups[:10], *device, *alerts, *(f"/admin/{each}/" for each in ADMIN)]
    found = set()
    for path in paths:
        answer = scene.get(path)
        wrong = at_work(answer.text)
        if answer.status != 200 or PRODUCT in answer.text or wrong:
            scene.report.problems.append(f"page {path}: {answer.status} {wrong}")
        found |= set(MARKED.findall(answer.text))
    scene.report.inert["texts on pages"] = len(found)
    for name in ("devices.exportCsv",):
        table = scene.get(f"/api/trpc/{name}").text
        scene.report.problems += [f"{name}: {cell!r}" for cell in files.unguarded(table)]
        scene.report.inert["cells in CSV files"] = sum(cell.count(MARK) for cell in table.splitlines())
    history = scene.get("/alerts/history.csv").text
    scene.report.problems += [f"history.csv: {cell!r}" for cell in files.unguarded(history)]
    _read_mail(scene, mailbox)
    _read_paper(scene, report)


def _read_mail(scene: Scene, mailbox: Any) -> None:
    def letters() -> list[Any]:
        paths = sorted(mailbox.folder.glob("*.eml"))
        return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in paths]

    def words(letter: Any) -> str:
        return "".join(part.get_content() for part in letter.walk() if part.get_content_maintype() == "text")

    wait_until(
        lambda: any("hx1000000003" in words(each) for each in letters()),
        what="the alert's letter",
        seconds=30,
    )
    for letter in letters():
        if letter["Bcc"] or "evil@example.com" in str(letter["X-Envelope-To"]):
            scene.report.problems.append("a letter went to somebody whom the text named")
        part = letter.get_body(("html",))
        if part is not None and (wrong := at_work(part.get_content())):
            scene.report.problems.append(f"a letter: {wrong}")
    scene.report.inert["letters"] = len(letters())


def _read_paper(scene: Scene, report: dict[str, Any]) -> None:
    def is_done() -> bool:
        return scene.call("query", "export.getReport", {"id": report["id"]})["status"] in {
            "done",
            "ready",
            "failed",
        }

    wait_until(is_done, what="the report", seconds=60)
    answer = scene.get(f"/reports/{report['id']}/file.pdf")
    if answer.status != 200 or b"/JavaScript" in answer.body or b"/Launch" in answer.body:
        scene.report.problems.append(f"the PDF: {answer.status}")
    elif joined(NAME) not in "".join(texts_of_pdf(answer.body)):
        scene.report.problems.append("the PDF does not show the name as it stands")
    scene.report.inert["PDF"] = 1


def table(report: Report) -> str:
    lines = [
        "| Kind | Sent | Refused (4xx) | Closed | Taken as harmless text | 5xx | Seconds |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {r.kind} | {r.sent} | {r.refused} | {r.closed} | {r.harmless} | {r.failed} | {r.seconds:.1f} |"
        for r in report.rows
    ]
    return "\n".join(lines)
