"""Where texts that were taken come up again: on pages, in the admin, in files, in letters and on paper."""

import time
from email import message_from_bytes, policy
from typing import Any

from tests.analytics.pdf_reading import joined
from tests.analytics.pdf_reading import texts as texts_of_pdf
from tests.hostile import files
from tests.hostile.asking import procedure
from tests.hostile.at_work import MARKED, at_work
from tests.hostile.scene import Scene
from tests.hostile.texts import MARK, PRODUCT
from tests.services import wait_until

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


NAME = "<script>hx1000000001()</script>{{1337*7919}}"


def wanted_report(scene: Scene) -> dict[str, Any]:
    """A report of a device with a hostile name, and an alert of it that is mailed."""
    about = {"id": scene.keys["paper_id"], "name": NAME, "location": NAME, "zone": "<b>hx1000000002</b>"}
    scene.call("mutation", "devices.update", about)
    message = "<script>hx1000000003()</script>\r\nBcc: evil@example.com"
    alert = {
        "deviceId": scene.keys["paper_id"],
        "type": "system_error",
        "severity": "critical",
        "message": message,
    }
    answer = scene.sender.send(procedure("mutation", "alerts.create", alert, token=scene.keys["admin"]))
    assert answer.status == 200, answer.text
    now = int(time.time() * 1000)
    return {"deviceId": scene.keys["paper_id"], "startTime": now - 86_400_000, "endTime": now}


def look_again(scene: Scene, mailbox: Any, report: dict[str, Any]) -> None:
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
            scene.blame(f"page {path}: {answer.status} {wrong}")
        found |= set(MARKED.findall(answer.text))
    scene.report.inert["texts on pages"] = len(found)
    for address in ("/api/trpc/devices.exportCsv", "/alerts/history.csv", "/admin/alerts/threshold/export/"):
        answer = scene.get(address)
        if answer.status != 200 or "csv" not in answer.headers.get("Content-Type", ""):
            scene.blame(f"{address}: {answer.status}")
        scene.blame(*(f"{address}: {cell!r}" for cell in files.unguarded(answer.text)))
        if found_here := answer.text.count(MARK):
            scene.report.inert[address] = found_here
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
            scene.blame("a letter went to somebody whom the text named")
        part = letter.get_body(("html",))
        if part is not None and (wrong := at_work(part.get_content())):
            scene.blame(f"a letter: {wrong}")
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
        scene.blame(f"the PDF: {answer.status}")
    elif joined(NAME) not in "".join(texts_of_pdf(answer.body)):
        scene.blame("the PDF does not show the name as it stands")
    scene.report.inert["PDF"] = 1
