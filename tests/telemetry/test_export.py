"""`readings.exportCsv`: any size, over real HTTP as well."""

import csv
import io
import json
import socket
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from factory import processes
from factory.accounts.services import open_session
from telemetry import export
from telemetry.batch import Sample
from telemetry.models import Reading
from telemetry.services import store_readings
from telemetry.services.archive import expire_days
from tests.builders import NOON, Trpc, make_device, make_token, make_user, ms, refusal_of, sign_in
from tests.services import free_port, wait_until
from tests.telemetry.archiving import (
    DAY,
    LONG_AFTER,
    measure,
)

pytestmark = pytest.mark.django_db
START = ms(NOON)
HOUR = 3_600_000
HEAD = ["deviceId", "device", "timestamp", "time"]


@pytest.fixture
def as_viewer(client):
    sign_in(client, make_user())
    return Trpc(client)


def put(device, *points):
    samples = [Sample(device.pk, START + at, data) for at, data in points]
    store_readings(samples=samples, received_at=START)


def table_of(response):
    assert response.status_code == 200, response.getvalue()
    text = response.getvalue().decode()
    assert text.replace("\r\n", "").count("\n") == 0
    return list(csv.reader(io.StringIO(text, newline="")))


def asked(**changes):
    return {"startTime": START, "endTime": START + HOUR, **changes}


def test_a_device_is_a_file_with_a_column_for_each_of_its_metrics(as_viewer):
    machine = make_device(external_id="press:1")
    put(
        machine,
        (0, {"power": 5, "zeta": -0.5}),
        (1_001, {"temperature": 20.25, "alpha": 1e300}),
        (HOUR, {"power": 6}),
    )

    response = as_viewer.query("readings.exportCsv", asked(deviceId=machine.pk))

    number = str(machine.pk)
    assert table_of(response) == [
        [*HEAD, "temperature", "power", "alpha", "zeta"],
        [number, "press:1", str(START), "2026-06-01T12:00:00.000Z", "", "5", "", "-0.5"],
        [number, "press:1", str(START + 1_001), "2026-06-01T12:00:01.001Z", "20.25", "", "1e+300", ""],
    ]
    assert response["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert response["Content-Disposition"] == (
        'attachment; filename="readings-press_1-20260601T120000Z-20260601T130000Z.csv"'
    ).replace("press_1", number)
    assert response["Cache-Control"] == "no-store"
    assert "X-Readings-Archived" not in response


def test_several_devices_follow_each_other_and_times_are_told_in_a_zone(as_viewer):
    machine, other = make_device(), make_device()
    put(other, (0, {"power": 1}))
    put(machine, (0, {"power": 2}), (1, {"power": 3, "rpm": 7}))

    rows = table_of(
        as_viewer.query(
            "readings.exportCsv",
            asked(deviceIds=[other.external_id, machine.pk], metrics=["power"], timeZone="Europe/Berlin"),
        )
    )

    assert rows[0] == [*HEAD, "power"]
    assert [(row[0], row[4]) for row in rows[1:]] == [
        (str(other.pk), "1"),
        (str(machine.pk), "2"),
        (str(machine.pk), "3"),
    ]
    assert rows[1][3] == "2026-06-01T14:00:00.000+02:00"


def test_the_hour_that_comes_twice_is_told_apart(as_viewer):
    machine = make_device()
    clocks_go_back = 1_792_890_000_000  # 2026-10-25 01:00 UTC, when Berlin leaves summer time
    samples = [Sample(machine.pk, clocks_go_back + n, {"power": 1}) for n in (-1, 0)]
    store_readings(samples=samples, received_at=clocks_go_back)

    rows = table_of(
        as_viewer.query(
            "readings.exportCsv",
            {
                "deviceId": machine.pk,
                "startTime": clocks_go_back - HOUR,
                "endTime": clocks_go_back + HOUR,
                "timeZone": "Europe/Berlin",
            },
        )
    )

    assert [row[3] for row in rows[1:]] == [
        "2026-10-25T02:59:59.999+02:00",
        "2026-10-25T02:00:00.000+01:00",
    ]


def test_a_name_that_a_spreadsheet_would_work_out_is_text(as_viewer):
    machine = make_device(external_id="-1")
    put(machine, (0, {"power": -1}))

    rows = table_of(as_viewer.query("readings.exportCsv", asked(deviceId="-1")))

    assert rows[1][1:] == ["'-1", str(START), "2026-06-01T12:00:00.000Z", "-1"]


def test_a_device_that_never_reported_is_a_heading(as_viewer):
    rows = table_of(as_viewer.query("readings.exportCsv", asked(deviceId=make_device().pk)))

    assert rows == [HEAD]


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"deviceId": 999_999}, (404, "NOT_FOUND", "There is no device 999999.")),
        ({}, (400, "BAD_REQUEST", "deviceId: give either deviceId or deviceIds")),
        (
            {"deviceId": 1, "deviceIds": [1]},
            (400, "BAD_REQUEST", "deviceId: give either deviceId or deviceIds"),
        ),
        ({"deviceId": "press", "endTime": START}, (400, "BAD_REQUEST", "endTime: must be after startTime")),
        (
            {"deviceId": "press", "metrics": ["=1+1"]},
            (400, "BAD_REQUEST", "metrics: '=1+1' is no metric name: a-z first, then a-z, 0-9 and _"),
        ),
        (
            {"deviceId": "press", "endTime": 10**15},
            (400, "BAD_REQUEST", "endTime: is not in the years 2 to 9998"),
        ),
        (
            {"deviceId": "press", "timeZone": "Mars"},
            (400, "BAD_REQUEST", "timeZone: is no time zone such as Europe/Berlin"),
        ),
    ],
)
def test_what_cannot_be_exported_is_an_ordinary_refusal(as_viewer, change, refusal):
    make_device(external_id="press")

    assert refusal_of(as_viewer.query("readings.exportCsv", asked(**change))) == refusal


def test_a_batch_has_no_place_for_a_file(as_viewer, client):
    machine = make_device()
    inputs = json.dumps({"0": asked(deviceId=machine.pk)})

    response = client.get("/api/trpc/readings.exportCsv", {"batch": "1", "input": inputs})

    assert response.status_code == 400
    [answer] = json.loads(response.content)
    assert answer["error"]["message"] == (
        "readings.exportCsv answers with a file: ask for it by itself, not in a batch."
    )


def test_strangers_and_devices_export_nothing(client):
    machine = make_device()
    wanted = asked(deviceId=machine.pk)

    assert refusal_of(Trpc(client).query("readings.exportCsv", wanted))[0] == 401
    device = Trpc(client, bearer=make_token(machine, at=timezone.now()))
    assert refusal_of(device.query("readings.exportCsv", wanted))[0] == 403


def test_only_so_many_exports_go_on_at_once(as_viewer):
    machine = make_device()
    put(machine, (0, {"power": 1}))

    responses = [
        as_viewer.query("readings.exportCsv", asked(deviceId=machine.pk)) for _ in range(export.AT_ONCE + 1)
    ]

    assert [response.status_code for response in responses] == [200] * export.AT_ONCE + [503]
    assert responses[-1]["Retry-After"] == "60"
    for response in responses:
        response.close()
    assert as_viewer.query("readings.exportCsv", asked(deviceId=machine.pk)).getvalue()


def test_a_refused_export_takes_no_place(as_viewer):
    for _ in range(export.AT_ONCE + 1):
        assert refusal_of(as_viewer.query("readings.exportCsv", asked(deviceId="nobody")))[0] == 404
        make_device_id = asked(deviceId=make_device().pk, metrics=["NO"])
        assert refusal_of(as_viewer.query("readings.exportCsv", make_device_id))[0] == 400


def test_an_export_that_fails_before_it_begins_takes_no_place(as_viewer, monkeypatch):
    machine = make_device()

    def fail(start, end):
        raise OperationalError(2013, "Lost connection to server during query")

    with monkeypatch.context() as patched:
        patched.setattr(export, "raw_is_there", fail)
        for _ in range(export.AT_ONCE + 1):
            answer = as_viewer.query("readings.exportCsv", asked(deviceId=machine.pk))
            assert refusal_of(answer)[:2] == (503, "SERVICE_UNAVAILABLE")

    assert as_viewer.query("readings.exportCsv", asked(deviceId=machine.pk)).getvalue()


@pytest.mark.django_db(transaction=True)
def test_what_is_in_the_archive_is_not_in_the_file_and_said_so(as_viewer, layout_kept, local_storage):
    machine = make_device()
    measure(machine, DAY)
    expire_days(at=LONG_AFTER)
    start = ms(DAY)

    response = as_viewer.query(
        "readings.exportCsv", {"deviceId": machine.pk, "startTime": start, "endTime": start + HOUR}
    )

    assert response["X-Readings-Archived"] == "true"
    assert len(table_of(response)) == 1


# Over real HTTP

ROWS = 200_000
END = b"\r\n0\r\n\r\n"  # of a chunked body


@pytest.fixture
def many(transactional_db):
    """A device with many readings."""
    machine = make_device(external_id="press-1")
    put(machine, (0, {"temperature": 1, "vibration": 1, "power": 1}))
    Reading.objects.all().delete()
    with transaction.atomic(), connection.cursor() as cursor:
        for first in range(0, ROWS, 20_000):
            cursor.executemany(
                "INSERT INTO telemetry_reading (device_id, timestamp, data, received_at) VALUES (%s,%s,%s,%s)",
                [
                    (machine.pk, START + n, f'{{"temperature":{n % 97},"vibration":2.5,"power":{n}}}', START)
                    for n in range(first, first + 20_000)
                ],
            )
    return machine


def resident_mb(url):
    """What the process that listens here has in memory."""
    port = f":{urlsplit(url).port:04X}"
    inodes = {
        line.split()[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[1].endswith(port) and line.split()[3] == "0A"
    }
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            held = {str(file.readlink()) for file in (entry / "fd").iterdir()}
            if held & {f"socket:[{inode}]" for inode in inodes}:
                status = (entry / "status").read_text()
                return int(status.partition("VmRSS:")[2].split()[0]) / 1024
        except OSError:
            continue
    raise AssertionError("nobody listens there")


def path_of(machine):
    return "/api/trpc/readings.exportCsv?input=" + quote(json.dumps(asked(deviceId=machine.pk)))


@pytest.mark.integration
@pytest.mark.django_db(transaction=True)
def test_a_large_export_is_whole_and_needs_no_more_memory_than_a_small_one(many):
    from tests.factory.running import server

    token = open_session(user=make_user(), at=timezone.now())
    headers = {"authorization": f"Bearer {token}"}
    with server() as url, httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
        small = "/api/trpc/readings.exportCsv?input=" + quote(
            json.dumps(asked(deviceId=many.pk, endTime=START + 20_000))
        )
        assert client.get(small).content.count(b"\r\n") == 20_001
        before, most, lines, size = resident_mb(url), 0.0, 0, 0
        with client.stream("GET", path_of(many)) as response:
            assert response.headers["Transfer-Encoding"] == "chunked"
            for piece in response.iter_raw(1 << 20):
                lines += piece.count(b"\n")
                size += len(piece)
                most = max(most, resident_mb(url))

    assert lines == ROWS + 1
    assert size > 10_000_000
    assert most - before < 24


@pytest.mark.integration
@pytest.mark.django_db(transaction=True)
def test_who_reads_slowly_is_waited_for_and_who_goes_away_is_let_go(many, monkeypatch):
    """Longer than the time a request may take; and those who left free their places."""
    from tests.factory.running import start

    monkeypatch.setenv("REQUEST_TIMEOUT", "3")
    token = open_session(user=make_user(), at=timezone.now())
    port = free_port()
    child = start("serve", port=port)
    try:
        wait_until(lambda: is_ready(port), what="the server's start")
        request = f"GET {path_of(many)} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"

        def ask():
            asking = socket.create_connection(("127.0.0.1", port), timeout=30)
            asking.sendall(request.encode())
            return asking

        slow = ask()
        leavers = [ask() for _ in range(export.AT_ONCE - 1)]
        for leaver in leavers:
            assert leaver.recv(12) == b"HTTP/1.1 200"
            leaver.close()
        began, received = time.monotonic(), b""
        while time.monotonic() - began < 8:
            received += slow.recv(65_536)
            time.sleep(0.1)
        assert not received.endswith(END)
        assert len(received) < 8_000_000  # it was us who were slow

        def places_are_free():
            with closing(ask()) as asking:
                return asking.recv(12) == b"HTTP/1.1 200"

        wait_until(places_are_free, what="freeing the places of those who left")
        while piece := slow.recv(1 << 20):
            received += piece
            if received.endswith(END):
                break
        slow.close()
        assert received.count(f",{START + ROWS - 1},".encode()) == 1
    finally:
        processes.stop(child, patience=12)


def is_ready(port):
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=2, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200
