"""Expired days become files, and come back from them, on a real folder and a real S3 server."""

import contextlib
import random
import socket
import threading
import time
from datetime import timedelta
from urllib.parse import urlsplit

import duckdb
import pytest
import time_machine
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils import timezone

from devices.services import delete_devices
from factory.storage_url import storage_for
from telemetry import days, partitions
from telemetry.batch import Sample
from telemetry.models import ArchivedDay, Reading
from telemetry.retention import raw_begins, raw_is_there
from telemetry.services import store_readings
from telemetry.services.archive import NoArchive, NotDone, expire_day, expire_days, restore_day
from tests.builders import make_device, make_user, ms, sign_in
from tests.services import wait_until
from tests.telemetry.archiving import (
    AFTER,
    DAY,
    LONG_AFTER,
    mariadb_only,
    measure,
    roll_up,
    stored_rows,
    use_storage,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("layout_kept")]
PATH = "readings/2026/06/readings-2026-06-01.parquet"
MONTH = timedelta(days=30)


@pytest.fixture(params=["own partition", "no partition"])
def place(request, db):
    """On MariaDB a day may lie in a partition of its own, or together with all of the past."""
    if request.param == "own partition":
        if not partitions.are_there():
            pytest.skip("SQLite has no partitions")
        partitions.give_own(DAY.date())
    return request.param


def files():
    """What is in the storage."""
    found, folders = [], [""]
    while folders:
        folder = folders.pop()
        with contextlib.suppress(FileNotFoundError):
            inner, names = default_storage.listdir(folder)
            folders += [f"{folder}{name}/" for name in inner]
            found += [f"{folder}{name}" for name in names]
    return sorted(found)


def restore(**options):
    return restore_day(day=DAY.date(), keep=MONTH, at=LONG_AFTER, **options)


def test_an_expired_day_becomes_a_file_and_comes_back_as_it_was(storage, place):
    machine, other = make_device(), make_device()
    measure(machine, DAY, temperature=20.5, power=5, odd_one=-0.0)
    measure(other, DAY, count=3, rpm=5.0)
    before = stored_rows()

    assert expire_days(at=LONG_AFTER) == 1

    record = ArchivedDay.objects.get()
    assert stored_rows() == []
    assert files() == [PATH]
    assert (record.path, record.rows, record.error, record.claimed_until) == (PATH, 13, "", None)
    assert record.bytes == default_storage.size(PATH)
    assert restore() == 13
    assert stored_rows() == before


def test_what_is_younger_stays(storage, place):
    machine = make_device()
    measure(machine, DAY)
    measure(machine, AFTER, count=2)
    measure(machine, AFTER + timedelta(hours=23, minutes=59, seconds=59), count=1)

    expire_days(at=LONG_AFTER)

    assert [row[1] for row in stored_rows()] == [ms(AFTER), ms(AFTER) + 60_000, ms(AFTER) + 86_399_000]
    assert ArchivedDay.objects.count() == 1


def test_each_day_has_its_file(local_storage):
    machine = make_device()
    for number in (0, 3, 40):
        measure(machine, DAY - timedelta(days=number), count=1)

    assert expire_days(at=LONG_AFTER) == 3

    assert files() == [
        "readings/2026/04/readings-2026-04-22.parquet",
        "readings/2026/05/readings-2026-05-29.parquet",
        PATH,
    ]


def test_a_plant_without_old_readings_has_nothing_to_archive(local_storage):
    measure(make_device(), LONG_AFTER)

    assert expire_days(at=LONG_AFTER) == 0

    assert ArchivedDay.objects.count() == 0
    assert files() == []


def test_duckdb_reads_the_file(local_storage):
    machine = make_device(external_id="press-1")
    measure(machine, DAY, temperature=20.5, power=5, odd_one=7)
    expire_days(at=LONG_AFTER)

    found = duckdb.sql(
        "SELECT external_id, count(*), avg(temperature), max(power), any_value(rpm), sum((data->>'odd_one')::INT),"
        " epoch_ms(min(timestamp)), typeof(min(timestamp))"
        f" FROM '{local_storage}/readings/*/*/*.parquet' GROUP BY 1"
    ).fetchall()

    assert found == [("press-1", 10, 20.5, 5.0, None, 70, ms(DAY), "TIMESTAMP WITH TIME ZONE")]


def test_a_restored_day_is_kept_and_then_expires_without_a_new_file(local_storage, place):
    measure(make_device(), DAY)
    expire_days(at=LONG_AFTER)
    record = ArchivedDay.objects.get()
    restore()

    assert expire_days(at=LONG_AFTER + timedelta(days=29)) == 0
    assert len(stored_rows()) == 10
    assert expire_days(at=LONG_AFTER + MONTH) == 1

    again = ArchivedDay.objects.get()
    assert stored_rows() == []
    assert (again.archived_at, again.sha256, again.path) == (record.archived_at, record.sha256, PATH)
    assert files() == [PATH]


def test_restoring_twice_brings_nothing_twice(local_storage):
    measure(make_device(), DAY)
    before = stored_rows()
    expire_days(at=LONG_AFTER)

    assert restore() == restore() == 10

    assert stored_rows() == before


def test_one_device_alone_comes_back(local_storage):
    wanted, other = make_device(), make_device()
    measure(wanted, DAY)
    measure(other, DAY)
    expire_days(at=LONG_AFTER)

    assert restore(device_id=wanted.pk) == 10

    assert {row[0] for row in stored_rows()} == {wanted.pk}
    assert not raw_is_there(ms(DAY), ms(AFTER))
    assert expire_days(at=LONG_AFTER + MONTH) == 1
    assert restore() == 20


def test_a_restored_reading_does_not_overwrite_a_newer_one(local_storage):
    machine = make_device()
    measure(machine, DAY, count=2, power=5)
    expire_days(at=LONG_AFTER)
    store_readings(samples=[Sample(machine.pk, ms(DAY), {"power": 7})], received_at=ms(LONG_AFTER))

    restore()

    stored = list(Reading.objects.order_by("timestamp").values_list("timestamp", "data"))
    assert stored == [(ms(DAY), {"power": 7}), (ms(DAY) + 60_000, {"power": 5})]


def test_a_restored_reading_adds_the_metrics_that_the_newer_one_lacks(local_storage):
    """The retention was made longer, and the device told more of a moment that was archived already."""
    machine = make_device()
    measure(machine, DAY, count=1, power=5, temperature=20.5)
    expire_days(at=LONG_AFTER)
    store_readings(samples=[Sample(machine.pk, ms(DAY), {"power": 7, "rpm": 9})], received_at=ms(LONG_AFTER))
    roll_up()
    expire_days(at=LONG_AFTER + MONTH)

    restore()

    assert Reading.objects.get().data == {"power": 7, "temperature": 20.5, "rpm": 9}


def test_what_comes_for_a_day_that_is_gone_joins_its_file(local_storage, place):
    """The retention was made longer, and the door took old readings again."""
    machine = make_device()
    measure(machine, DAY)
    expire_days(at=LONG_AFTER)
    store_readings(samples=[Sample(machine.pk, ms(DAY) + 1, {"power": 7})], received_at=ms(LONG_AFTER))
    roll_up()

    assert expire_days(at=LONG_AFTER + MONTH) == 1

    assert files() == [PATH.replace(".parquet", "-again.parquet")]
    assert ArchivedDay.objects.get().rows == 11
    assert restore() == 11


def test_the_readings_of_a_device_that_is_gone_do_not_come_back(local_storage):
    machine, gone = make_device(), make_device()
    measure(machine, DAY)
    measure(gone, DAY)
    expire_days(at=LONG_AFTER)
    delete_devices(devices=[gone])

    assert restore() == 10

    assert {row[0] for row in stored_rows()} == {machine.pk}


def test_raw_readings_begin_where_the_last_dropped_day_ended(local_storage):
    machine = make_device()
    assert raw_begins() is None
    assert raw_is_there(0, ms(LONG_AFTER))
    measure(machine, DAY)
    measure(machine, DAY - timedelta(days=7))
    expire_days(at=LONG_AFTER)

    assert raw_begins() == ms(AFTER)
    assert not raw_is_there(ms(AFTER) - 1, ms(AFTER) + 1)
    assert raw_is_there(ms(AFTER), ms(LONG_AFTER))

    restore()
    assert raw_begins() == ms(DAY - timedelta(days=6))
    assert raw_is_there(ms(DAY), ms(AFTER))


def test_a_day_waits_for_its_rollups(local_storage):
    machine = make_device()
    store_readings(samples=[Sample(machine.pk, ms(DAY), {"power": 7})], received_at=ms(DAY))

    assert expire_days(at=LONG_AFTER) == 0

    assert len(stored_rows()) == 1
    assert ArchivedDay.objects.get().error == "waits for its rollups"
    roll_up()
    assert expire_days(at=LONG_AFTER) == 1


def test_a_day_that_somebody_works_on_is_left_to_them_until_their_time_is_over(local_storage):
    measure(make_device(), DAY)
    soon = timezone.now() + timedelta(minutes=5)
    ArchivedDay.objects.create(day=DAY.date(), claimed_until=soon)

    with pytest.raises(NotDone, match="somebody else"):
        expire_day(day=DAY.date(), at=LONG_AFTER)
    with pytest.raises(NotDone, match="somebody else"):
        expire_day(day=DAY.date(), at=LONG_AFTER)

    ArchivedDay.objects.update(claimed_until=soon - timedelta(minutes=6))
    assert expire_day(day=DAY.date(), at=LONG_AFTER) == 10


def test_two_at_once_archive_a_day_once(local_storage):
    from tests.devices.test_presence import in_thread

    measure(make_device(), DAY, count=500)

    outcomes = [
        join() for join in [in_thread(lambda: expire_day(day=DAY.date(), at=LONG_AFTER)) for _ in range(3)]
    ]

    assert 500 in outcomes
    assert all(outcome in (0, 500) or isinstance(outcome, NotDone) for outcome in outcomes)
    assert restore() == 500


def test_a_file_that_is_not_the_one_we_wrote_is_refused(local_storage):
    measure(make_device(), DAY)
    expire_days(at=LONG_AFTER)
    with (local_storage / PATH).open("r+b") as file:
        file.seek(100)
        file.write(b"?")

    with pytest.raises(NoArchive, match="SHA-256 differs"):
        restore()

    assert stored_rows() == []
    assert "SHA-256" in ArchivedDay.objects.get().error


def test_without_its_storage_nothing_is_dropped_and_all_is_told(settings):
    from tests.services import s3

    machine = make_device()
    measure(machine, DAY)
    measure(machine, DAY - timedelta(days=1))
    before = stored_rows()
    with s3() as bucket:
        use_storage(settings, bucket.url)
        bucket.process.kill()
        bucket.process.wait()
        assert expire_days(at=LONG_AFTER) == 0

    assert stored_rows() == before
    assert [record.sha256 for record in ArchivedDay.objects.all()] == ["", ""]
    assert all("EndpointConnectionError" in record.error for record in ArchivedDay.objects.all())


@contextlib.contextmanager
def cut_after(port, *, sent):
    """A way to a server that breaks for good when so many bytes have been sent over it. Yields its port."""
    left, listener = [sent], socket.create_server(("127.0.0.1", 0))
    sockets, threads = [listener], []

    def pump(source, target, counted):
        with contextlib.suppress(OSError):
            while left[0] > 0 and (data := source.recv(65536)):
                if counted:
                    data = data[: left[0]]
                    left[0] -= len(data)
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", port))
                sockets.extend([client, server])
                for way in ((client, server, True), (server, client, False)):
                    threads.append(threading.Thread(target=pump, args=way))
                    threads[-1].start()

    threads.append(threading.Thread(target=accept))
    threads[0].start()
    try:
        yield listener.getsockname()[1]
    finally:
        left[0] = 0
        for known in sockets:
            with contextlib.suppress(OSError):
                known.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(5)
        for known in sockets:
            known.close()


@pytest.mark.parametrize("sent", [3_000, 60_000])
def test_a_line_that_breaks_in_the_middle_of_the_upload_costs_nothing(settings, s3_server, sent):
    machine = make_device()
    samples = [Sample(machine.pk, ms(DAY) + n * 997, {"power": n * 7919 % 10007}) for n in range(20_000)]
    store_readings(samples=samples, received_at=ms(AFTER))
    roll_up()
    before = stored_rows()
    port = urlsplit(s3_server.url).port

    with cut_after(port, sent=sent) as broken:
        use_storage(settings, s3_server.url.replace(str(port), str(broken)))
        assert expire_days(at=LONG_AFTER) == 0
    assert stored_rows() == before
    assert ArchivedDay.objects.get().error

    use_storage(settings, s3_server.url)
    assert expire_days(at=LONG_AFTER) == 1
    assert restore() == 20_000
    assert stored_rows() == before


def test_what_the_storage_gives_back_must_be_what_it_was_given(settings, tmp_path):
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {**storage_for(f"file://{tmp_path}"), "BACKEND": "tests.telemetry.bad_disk.BadDisk"},
    }
    measure(make_device(), DAY)

    assert expire_days(at=LONG_AFTER) == 0

    assert len(stored_rows()) == 10
    assert "came back from the storage other than it was written" in ArchivedDay.objects.get().error


def test_what_comes_in_while_a_day_is_deleted_stays():
    machine = make_device()
    measure(machine, DAY)
    store_readings(samples=[Sample(machine.pk, ms(DAY) + 1, {"power": 7})], received_at=ms(LONG_AFTER))

    days.delete_day(DAY.date(), [machine.pk], received_by=ms(AFTER))

    assert [row[1] for row in stored_rows()] == [ms(DAY) + 1]


@mariadb_only
@pytest.mark.parametrize("step", ["created", "exchanged", "written again"])
def test_a_day_that_was_set_aside_by_somebody_killed_is_taken_up(local_storage, step):
    from django.db import connection

    partitions.give_own(DAY.date())
    machine = make_device()
    measure(machine, DAY)
    before = stored_rows()
    if step == "created":
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE telemetry_aside_20260601 LIKE telemetry_reading")
    else:
        partitions.set_aside(DAY.date())
        assert stored_rows() == []
    if step == "written again":
        store_readings(samples=[Sample(machine.pk, ms(DAY) + 1, {"power": 7})], received_at=ms(LONG_AFTER))
        roll_up()
        before += stored_rows()

    assert expire_days(at=LONG_AFTER) == 1

    assert partitions.days_aside() == []
    assert restore() == len(before)
    assert stored_rows() == sorted(before)


@time_machine.travel(LONG_AFTER, tick=True)
def test_the_commands_say_what_they_did(local_storage, capsys):
    measure(make_device(external_id="press-1"), DAY)

    call_command("archive_readings")
    assert capsys.readouterr().out == (
        "2026-06-01 10 readings archived and dropped\n1 days archived and dropped.\n"
    )
    call_command("restore_archive", "2026-06-01", "--device", "press-1", "--keep-days", "3")
    assert capsys.readouterr().out == "10 readings of 2026-06-01 are back, for 3 days.\n"
    call_command("archive_readings", "--before", "2026-06-03")
    assert "was brought back and is kept until" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["2026-05-05"], "2026-05-05 is not in the archive."),
        (["2026-05-05", "--device", "nobody"], "There is no device 'nobody'."),
        (["2026-05-05", "--keep-days", "0"], "--keep-days 0 is not between 1 and 3650."),
    ],
)
def test_a_restore_that_cannot_be_is_refused(arguments, words):
    with pytest.raises(CommandError, match=words.replace(".", r"\.")):
        call_command("restore_archive", *arguments)


@pytest.mark.integration
def test_whoever_is_killed_at_any_moment_leaves_nothing_lost(local_storage, monkeypatch):
    """`manage.py archive_readings` dies again and again, and at last is let finish."""
    from factory import processes
    from tests.factory.running import start

    monkeypatch.setenv("STORAGE_URL", f"file://{local_storage}")
    chance = random.Random(7)
    first = (timezone.now() - timedelta(days=200)).replace(hour=0, minute=0, second=0, microsecond=0)
    machines = [make_device() for _ in range(20)]
    days = 12  # more than a round gets done before it is killed, also on a quick machine
    for number in range(days):
        partitions.give_own(
            (first + timedelta(days=2 * number)).date()
        )  # where it can: others share the past
        start_ms = ms(first + timedelta(days=number))
        samples = [
            Sample(machine.pk, start_ms + n * 1_009, {"power": n * 7919 % 10007})
            for machine in machines
            for n in range(400)
        ]
        store_readings(samples=samples, received_at=start_ms)
    roll_up()
    before = stored_rows()

    def begun(process):
        return lambda: process.poll() is not None or ArchivedDay.objects.exclude(claimed_until=None).exists()

    killed = 0
    while True:
        process = start("archive_readings", port=19050)
        try:
            wait_until(begun(process), what="the archiving's begin")
            if killed < 8:
                time.sleep(chance.random() * 0.1)
            else:
                process.wait(60)
        finally:
            ended = process.poll()
            process.kill()
            processes.stop(process)
        if ended is not None:
            break
        killed += 1
        ArchivedDay.objects.update(claimed_until=None)  # an hour later

    assert (ended, killed > 0) == (0, True)
    assert stored_rows() == []
    for number in range(days):
        restore_day(day=(first + timedelta(days=number)).date(), keep=MONTH, at=timezone.now())
    assert stored_rows() == before


def test_an_admin_sees_the_archived_days_and_types_into_none(client, local_storage):
    measure(make_device(), DAY)
    expire_days(at=LONG_AFTER)
    sign_in(client, make_user(role="admin"))

    shown = client.get("/admin/telemetry/archivedday/")

    assert shown.status_code == 200
    assert "1 Jun 2026" in shown.text
    assert client.get("/admin/telemetry/archivedday/add/").status_code == 403
    assert client.post("/admin/telemetry/archivedday/2026-06-01/change/", {"rows": 0}).status_code == 302
    assert ArchivedDay.objects.get().rows == 10
