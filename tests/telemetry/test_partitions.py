"""The readings on MariaDB: what their partitions hold, and that the hot queries touch only those they need."""

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection

from telemetry import partitions
from telemetry.batch import Sample
from telemetry.models import Reading
from telemetry.services import store_readings
from tests.builders import Trpc, make_device, make_user, ms, refusal_of, sign_in
from tests.telemetry.archiving import DAY, mariadb_only, measure, stored_rows

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("layout_kept"),
    mariadb_only,
]
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def names():
    return [part.name for part in partitions.layout()]


def day_name(day):
    return f"p{day:%Y%m%d}"


def test_a_fresh_plant_has_a_partition_for_each_day_of_the_week_ahead_and_two_for_the_rest():
    expected = [day_name(TODAY + timedelta(days=n)) for n in range(8)]

    assert names() == ["p_past", *expected, "p_future"]


def test_days_are_made_ahead_once():
    later = TODAY + timedelta(days=2, hours=5)

    assert partitions.ensure_ahead(later) == [(TODAY + timedelta(days=n)).date() for n in (8, 9)]
    assert partitions.ensure_ahead(later) == []

    assert names()[-3:] == [*(day_name(TODAY + timedelta(days=n)) for n in (8, 9)), "p_future"]


def test_after_a_long_absence_the_days_between_share_one_partition():
    partitions.ensure_ahead(TODAY + timedelta(days=20))

    assert names()[9] == f"p_until_{TODAY + timedelta(days=20):%Y%m%d}"
    assert names()[10:] == [*(day_name(TODAY + timedelta(days=n)) for n in range(20, 28)), "p_future"]


def test_a_future_that_has_begun_is_not_copied_under_a_running_plant(caplog):
    measure(make_device(), TODAY + timedelta(days=9), count=1)
    before = names()

    assert partitions.ensure_ahead(TODAY + timedelta(days=9)) == []

    assert names() == before
    assert "partitions.behind" in caplog.text


@pytest.mark.parametrize("at", [-(10**14), 0, 1, 10**15])
def test_no_time_is_outside(at):
    device = make_device()

    store_readings(samples=[Sample(device.pk, at, {"power": 1})], received_at=1)

    assert Reading.objects.get().timestamp == at


def test_a_day_of_the_past_gets_its_own_partition_while_the_past_is_empty():
    assert partitions.give_own(DAY.date())
    assert partitions.give_own(DAY.date())
    assert partitions.give_own((DAY + timedelta(days=3)).date())

    assert names()[:5] == ["p_past", "p20260601", "p_until_20260604", "p20260604", f"p_until_{TODAY:%Y%m%d}"]
    measure(make_device(), DAY - timedelta(days=9), count=1)
    assert not partitions.give_own((DAY - timedelta(days=1)).date())


def test_empty_days_of_the_past_become_the_past_again():
    partitions.give_own(DAY.date())
    partitions.give_own((DAY + timedelta(days=3)).date())
    measure(make_device(), DAY + timedelta(days=3), count=1)

    assert partitions.tidy(ms(TODAY)) == 2

    assert names()[:3] == ["p_past", "p20260604", f"p_until_{TODAY:%Y%m%d}"]


def test_the_whole_past_is_one_when_nothing_is_left_in_it():
    partitions.give_own(DAY.date())

    assert partitions.tidy(ms(TODAY)) == 2

    assert names()[:2] == ["p_past", day_name(TODAY)]


def test_a_day_that_is_set_aside_can_come_back():
    partitions.give_own(DAY.date())
    measure(make_device(), DAY)
    before = stored_rows()

    partitions.set_aside(DAY.date())
    assert (stored_rows(), partitions.days_aside()) == ([], [DAY.date()])
    assert (partitions.census_aside(DAY.date()).rows, partitions.is_empty(partitions.layout()[1])) == (
        10,
        True,
    )

    partitions.put_back(DAY.date())
    assert (stored_rows(), partitions.days_aside()) == (before, [])


def test_a_change_does_not_hold_up_the_plant_behind_a_long_statement():
    """Somebody reads in a transaction for as long as we try; others go on writing, and the change gives up."""
    device = make_device()
    measure(device, TODAY)
    reads, ends, waits = threading.Event(), threading.Event(), []

    def read_for_long():
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT COUNT(*) FROM telemetry_reading")
            reads.set()
            ends.wait(120)  # longer than all attempts take on a busy machine
            cursor.execute("COMMIT")
        connection.close()

    reader = threading.Thread(target=read_for_long)
    reader.start()
    assert reads.wait(10)

    def write(pause):
        began = datetime.now(UTC)
        measure(device, TODAY + timedelta(hours=len(waits) + 1), count=1)
        waits.append((datetime.now(UTC) - began).total_seconds())

    with pytest.raises(partitions.StillBusy):
        partitions._alter(
            "ALTER TABLE telemetry_reading REORGANIZE PARTITION p_future INTO"
            " (PARTITION p_future VALUES LESS THAN MAXVALUE)",
            pause=write,
        )
    ends.set()
    reader.join(10)

    assert len(waits) == partitions.ATTEMPTS - 1
    assert partitions.ensure_ahead(TODAY + timedelta(days=1)) != []


# The hot queries


@pytest.fixture
def busy_plant():
    """Three days of 40 devices, a reading a minute, on days that have partitions of their own."""
    partitions.ensure_ahead(TODAY)
    devices = [make_device() for _ in range(40)]
    for number in range(3):
        start = ms(TODAY + timedelta(days=number))
        samples = [
            Sample(device.pk, start + n * 300_000, {"power": n, "temperature": 20.5})
            for device in devices
            for n in range(288)
        ]
        for first in range(0, len(samples), 5_000):
            store_readings(samples=samples[first : first + 5_000], received_at=start)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO telemetry_quarter (device_id, metric, bucket, count, sum, integral, covered_ms)"
            " SELECT d.id, m.seq, b.seq * 900000, 1, 1, 1, 1 FROM devices_device d, seq_1_to_4 m, seq_1_to_2000 b"
        )
        for table in ("telemetry_reading", "telemetry_quarter", "telemetry_state"):
            cursor.execute(f"ANALYZE TABLE {table}")
            cursor.fetchall()
    return [device.pk for device in devices]


def explain(query, parameters=()):
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN PARTITIONS " + query, parameters)
        columns = [column[0] for column in cursor.description]
        rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    return [{**row, "rows": int(row["rows"])} for row in rows]


def explain_those_of(work, table="telemetry_reading"):
    """How MariaDB goes about the queries that `work` asks of a table."""
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as asked:
        work()
    return [
        row
        for query in asked
        if table in query["sql"]
        for row in explain(query["sql"])
        if row["table"] == table
    ]


def in_order(row):
    return (row["type"], row["key"], row["partitions"])


def test_the_newest_of_a_device_are_a_range_of_the_key_in_the_partitions_of_the_range(busy_plant):
    from telemetry.sql import newest_readings

    start = ms(TODAY + timedelta(days=1))

    [row] = explain_those_of(lambda: newest_readings(busy_plant[7], start, start + 3_600_000, 10))

    assert in_order(row) == ("range", "PRIMARY", day_name(TODAY + timedelta(days=1)))
    assert "filesort" not in (row["Extra"] or "")
    assert row["rows"] <= 40


def test_a_look_up_is_a_range_of_the_key_in_the_partitions_of_its_moments(busy_plant):
    from telemetry.sql import select_readings

    start = ms(TODAY + timedelta(days=1))
    wanted = {device: {start + n * 300_000 for n in range(20)} for device in busy_plant[:10]}

    [row] = explain_those_of(lambda: select_readings(wanted))

    assert in_order(row) == ("range", "PRIMARY", day_name(TODAY + timedelta(days=1)))
    assert row["rows"] <= 400


def test_a_stream_is_a_range_of_the_key_in_the_partitions_of_the_range(busy_plant):
    from telemetry.sql import stream_readings

    start, end = ms(TODAY + timedelta(hours=20)), ms(TODAY + timedelta(days=1, hours=4))

    [row] = explain_those_of(lambda: list(stream_readings([busy_plant[7]], start, end)))

    assert row["partitions"] == ",".join(day_name(TODAY + timedelta(days=n)) for n in (0, 1))
    assert (row["type"], row["key"]) == ("range", "PRIMARY")
    assert "filesort" not in (row["Extra"] or "")
    assert row["rows"] <= 250


def test_quarters_of_some_devices_and_metrics_are_ranges_of_the_key(busy_plant):
    [row] = explain(
        "SELECT metric, bucket, SUM(count), SUM(sum), MIN(min), MAX(max) FROM telemetry_quarter"
        f" WHERE device_id IN ({','.join(map(str, busy_plant[:10]))}) AND metric IN ('1', '2')"
        " AND bucket>=%s AND bucket<%s GROUP BY metric, bucket",
        [900_000 * 100, 900_000 * 196],
    )

    assert (row["type"], row["key"]) == ("range", "PRIMARY")
    assert row["rows"] <= 10 * 2 * 96 * 2


# The session


def test_a_session_has_our_limits_and_speaks_our_character_set():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT @@max_statement_time, @@innodb_lock_wait_timeout, @@tx_isolation, @@character_set_client,"
            " @@character_set_connection, @@character_set_results, @@collation_database"
        )
        found = cursor.fetchone()

    assert found[:6] == (10.0, 10, "READ-COMMITTED", "utf8mb4", "utf8mb4", "utf8mb4")
    assert found[6].startswith("utf8mb4")


def test_what_we_let_run_for_long_leaves_the_limit_as_it_was():
    partitions.ensure_ahead(TODAY + timedelta(days=1))

    with connection.cursor() as cursor:
        cursor.execute("SELECT @@max_statement_time, @@lock_wait_timeout > 2")
        assert cursor.fetchone() == (10.0, 1)


def test_a_statement_that_takes_too_long_is_ended():
    with connection.cursor() as cursor:
        cursor.execute("SET max_statement_time=0.3")
        try:
            began = datetime.now(UTC)
            with pytest.raises(OperationalError, match="max_statement_time"):
                cursor.execute(
                    "SELECT COUNT(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b WHERE a.seq<b.seq"
                )
            assert datetime.now(UTC) - began < timedelta(seconds=5)
        finally:
            cursor.execute("SET max_statement_time=10")


def test_who_asked_for_it_is_told_to_try_again(client):
    """No reading takes ten seconds, so the session is given a tenth of one, and waits for a table that is locked."""
    device = make_device()
    start = ms(TODAY)
    sign_in(client, make_user())
    asked = {"deviceId": device.pk, "startTime": start, "endTime": start + 5_000, "limit": 50_000}
    another = connection.copy()
    with another.cursor() as locking, connection.cursor() as cursor:
        locking.execute("LOCK TABLES telemetry_reading WRITE")
        cursor.execute("SET max_statement_time=0.1")
        try:
            response = Trpc(client).query("readings.getForDevice", asked)
        finally:
            cursor.execute("SET max_statement_time=10")
            locking.execute("UNLOCK TABLES")
            another.close()

    assert refusal_of(response) == (
        503,
        "SERVICE_UNAVAILABLE",
        "The database is not available. Try again.",
    )
    assert response["Retry-After"]
    assert json.loads(response.content)["error"]["code"] == -32603
