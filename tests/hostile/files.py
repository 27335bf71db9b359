"""Files: firmware that explodes where it is unpacked, and tables whose cells a spreadsheet would work out."""

import bz2
import csv
import gzip
import io
import lzma
import random
import re
from typing import Any

from alerts.threshold_csv import HEADER
from devices.models import EXTERNAL_ID
from factory.spreadsheet import TEMPTING
from tests.hostile.asking import Answer, Ask, procedure
from tests.hostile.surfaces import CSRF
from tests.hostile.texts import FORMULA, drawn
from tests.ota.archives import MB, promising, zipped

LARGE = 48 * MB


def form(fields: dict[str, str], content: bytes, name: str) -> tuple[bytes, str]:
    edge = "=edge="
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in fields.items()
    ]
    parts.append(f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n')
    body = "".join(parts).encode() + content + f"\r\n--{edge}--\r\n".encode()
    return body, f'multipart/form-data; boundary="{edge}"'


def bombs(keys: dict[str, Any], rng: random.Random, count: int) -> list[Ask]:
    """Each is refused for what it is: everything else about the form is right."""
    large = bytes(LARGE)
    plain, packed = zipped(large), gzip.compress(large, 9)
    bases = {
        "zip": plain,
        "gzip": packed,
        "bzip2": bz2.compress(large),
        "xz": lzma.compress(large, preset=0),
        "zip of many": zipped(*[bytes(MB)] * 48),
        "zip in zip": zipped(plain),
        "gzip in zip": zipped(packed),
        "zip in gzip": gzip.compress(plain),
        "gzip in gzip": gzip.compress(packed),
        "gzip after gzip": gzip.compress(bytes(8 * MB), 9) * 6,
        "without end": gzip.compress(gzip.compress(gzip.compress(gzip.compress(b"x")))),
        "many entries": zipped(*[b""] * 10_001),
    }
    asks = []
    for number in range(count):
        # Most only promise to grow, which costs the client less and the server no less.
        if number < len(bases):
            name, content = list(bases.items())[number]
        else:
            name, content = "zip that promises", promising(2**32 - 1 - rng.randrange(2**30), rng.randbytes(8))
        about = {"version": f"9.{number}.0", "deviceType": "sensor"}
        body, kind = form(about, content, f"{number}.bin")
        headers = (("Authorization", f"Bearer {keys['admin']}"), ("Content-Type", kind))
        asks.append(
            Ask(
                f"firmware: {name}",
                "/api/trpc/firmware.create",
                "POST",
                headers,
                body,
                status=(400,),
                text=name,
            )
        )
    return asks


NAMES = (
    "../../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "/etc/cron.d/hx1000000004",
    "hx1000000004.php\0.bin",
    'hx1000000004"; x="y',
    "<script>hx1000000004()</script>.bin",
    "' OR 1=1 -- hx1000000004",
    "{{1337*7919}}hx1000000004",
    "=cmd|' /C calc'!hx1000000004",
    ".hx1000000004",
    "hx1000000004" * 100,
    "hx1000000004\u202enib.exe",
)


def names(keys: dict[str, Any]) -> list[Ask]:
    """Firmware under names that want to be elsewhere: taken, and kept under a name of ours."""

    def look(answer: Answer) -> str:
        address = (answer.data or {}).get("fileUrl", "")
        return f"kept at {address}" if ".." in address or "hx10" in address or "etc" in address else ""

    made = []
    for number, name in enumerate(NAMES):
        body, kind = form({"version": f"8.{number}.0", "deviceType": "sensor"}, b"inert %d" % number, name)
        headers = (("Authorization", f"Bearer {keys['admin']}"), ("Content-Type", kind))
        address = "/api/trpc/firmware.create"
        made.append(Ask("name of a file", address, "POST", headers, body, text=name, inert=look))
    return made


def formulas(keys: dict[str, Any], rng: random.Random, count: int) -> list[Ask]:
    """Imported, or written as a device's name and place; what is exported afterwards is guarded."""
    asks = []
    for number, text in enumerate(drawn(FORMULA, rng, count)):
        token = keys["admin"]
        if number % 2:
            about = {
                "deviceId": f"csv-{number}",
                "name": text,
                "type": "sensor",
                "location": text,
                "tags": [text],
            }
            asks.append(
                procedure(
                    "mutation", "devices.create", about, token=token, text=text, inert=kept("name", text)
                )
            )
        else:
            table, is_id = io.StringIO(), bool(re.fullmatch(EXTERNAL_ID, text))
            rows = csv.writer(table)
            rows.writerow(["deviceId", "name", "type", "location"])
            # As it stands, in the place of an id: a minus and letters are one, and guarded when exported.
            rows.writerow([text, "x", "sensor", text])
            asks.append(
                procedure(
                    "mutation",
                    "devices.importCsv",
                    {"csv": table.getvalue()},
                    token=token,
                    text=text,
                    says_no=not is_id,
                    inert=None if is_id else left_out,
                )
            )
    return asks


def left_out(answer: Answer) -> str:
    """An import says what is wrong with a table, and takes nothing of it."""
    told = answer.data or {}
    is_refused = told.get("errors") and not told.get("created") and not told.get("updated")
    return "" if is_refused else f"imported: {told}"


def thresholds(keys: dict[str, Any], rng: random.Random, count: int) -> list[Ask]:
    """A file of thresholds for the admin, with a formula for whose they are, what they measure and how much."""
    made = []
    for number, text in enumerate(drawn(FORMULA, rng, count)):
        row = ["device", "press-1", "temperature", "", "", "", "90", "0", "0", "0", "1", "true"]
        row[number % 4] = text
        table = io.StringIO()
        csv.writer(table).writerows([HEADER, row])
        body, kind = form({"csrfmiddlewaretoken": CSRF}, table.getvalue().encode(), f"{text}.csv")
        cookie = ("Cookie", f"app_session_id={keys['admin']}; csrftoken={CSRF}")
        address = "/admin/alerts/threshold/import/"
        made.append(Ask("thresholds", address, "POST", (cookie, ("Content-Type", kind)), body, text=text))
    return made


def kept(member: str, text: str) -> Any:
    def look(answer: Answer) -> str:
        found = answer.data[member] if answer.data else None
        return "" if found == text.strip() else f"kept as {found!r}"

    return look


def unguarded(table: str) -> list[str]:
    """Cells that a spreadsheet would work out."""
    csv.field_size_limit(64 * MB)
    return [
        cell
        for row in csv.reader(io.StringIO(table.lstrip("\ufeff")))
        for cell in row
        if cell.startswith(TEMPTING) and not cell.startswith("'") and not _is_number(cell)
    ]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
