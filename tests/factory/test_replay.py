import itertools
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from alerts.models import Alert
from devices.models import Credential
from factory.demo.recording import BadRow, NotARecording, Row, read_recording, shift_to_end_before
from factory.demo.replayer import in_batches, in_their_time
from telemetry.models import Reading
from tests.builders import make_device, make_threshold
from tests.factory.running import free_port, server

RECORDING = Path(__file__).resolve().parent.parent / "data" / "machine_temperature.csv"
DAY = timedelta(days=1)


def replay(file, device, **options):
    """(stdout, stderr) of the command."""
    out, err = StringIO(), StringIO()
    call_command(
        "replay",
        str(file),
        device=device.external_id,
        metric="temperature",
        stdout=out,
        stderr=err,
        **options,
    )
    return out.getvalue(), err.getvalue()


def recording_at(tmp_path, *lines):
    file = tmp_path / "recording.csv"
    file.write_text("timestamp,value\n" + "".join(f"{line}\n" for line in lines))
    return file


def stored(device):
    rows = Reading.objects.filter(device_id=device.pk).order_by("timestamp").values_list("timestamp", "data")
    return [(timestamp, data["temperature"]) for timestamp, data in rows]


# Reading a file


def test_times_are_utc_unless_they_say_otherwise_and_may_be_written_in_both_ways():
    lines = [
        "Timestamp, Value\n",
        "2014-02-07 14:55:00,1\n",
        "2014-02-07T14:55:00,2\n",
        "2014-02-07T15:55:00+01:00,3\n",
    ]

    at = int(datetime(2014, 2, 7, 14, 55, tzinfo=UTC).timestamp() * 1000)
    assert list(read_recording(lines)) == [Row(2, at, 1.0), Row(3, at, 2.0), Row(4, at, 3.0)]


def test_columns_are_found_by_their_names():
    assert list(read_recording(["id,value,timestamp\n", "9,5,1970-01-01 00:00:01\n"])) == [Row(2, 1000, 5.0)]


@pytest.mark.parametrize(
    "line",
    [
        "x,1",
        "1970-01-01,nan",
        "1970-01-01,inf",
        "1970-01-01,1_0",
        "1970-01-01",
        '"1970-01-01,1',
        "19\x0070,1",
        "9999-99-99,1",
    ],
)
def test_a_bad_line_is_named_and_the_others_go_on(line):
    bad, good = read_recording(["timestamp,value\n", f"{line}\n", "1970-01-01,4\n"])

    assert isinstance(bad, BadRow)
    assert bad.line == 2
    assert good == Row(3, 0, 4.0)


def test_empty_lines_are_no_mistake():
    assert list(read_recording(["timestamp,value\n", "\n", "1970-01-01,4\n", ",,\n", "\n"])) == [
        Row(3, 0, 4.0)
    ]


@pytest.mark.parametrize("lines", [[], ["\n"], ["time,value\n"], ["1970-01-01,4\n"]])
def test_a_file_without_the_two_columns_is_no_recording(lines):
    with pytest.raises(NotARecording):
        list(read_recording(lines))


@pytest.mark.parametrize(
    ("newest", "moved_to"),
    [
        ("2014-02-19 15:25:00", "2026-05-31 15:25:00"),
        ("2014-02-19 00:00:00", "2026-05-31 00:00:00"),
        ("2026-06-01 00:00:00", "2026-05-31 00:00:00"),
        ("2027-01-01 23:59:59", "2026-05-31 23:59:59"),
        ("2026-05-31 23:59:59", "2026-05-31 23:59:59"),
    ],
)
def test_a_recording_is_shifted_by_whole_days_to_end_before_midnight(newest, moved_to):
    rows = list(read_recording(["timestamp,value\n", "2013-01-01,1\n", f"{newest},1\n"]))
    shift = shift_to_end_before(rows, datetime(2026, 6, 1, tzinfo=UTC))

    moved = datetime.fromtimestamp((max(row.timestamp for row in rows) + shift) / 1000, UTC)
    assert f"{moved:%Y-%m-%d %H:%M:%S}" == moved_to
    assert shift % 86_400_000 == 0


# Pacing


class Clock:
    """Stands still unless somebody sleeps."""

    def __init__(self):
        self.now = 100.0

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds


def test_without_a_speed_rows_go_in_full_batches_in_their_order():
    rows = [Row(line, line, 0.0) for line in range(5)]

    assert list(in_batches(rows, 2)) == [rows[:2], rows[2:4], rows[4:]]


def test_with_a_speed_each_row_waits_for_its_time_and_no_more_than_one_request_goes_a_second():
    clock = Clock()
    rows = [Row(line, 300_000 * line, 0.0) for line in range(10)]

    sent = [
        (clock.now - 100, [row.line for row in part])
        for part in in_their_time(rows, 1000, speed=600, clock=lambda: clock.now, sleep=clock.sleep)
    ]

    assert [line for _, lines in sent for line in lines] == list(range(10))
    moments = [moment for moment, _ in sent]
    assert all(later - earlier >= 1 for earlier, later in itertools.pairwise(moments))
    assert all(abs(moment - 0.5 * lines[0]) <= 1 for moment, lines in sent)


def test_a_row_whose_clock_stepped_back_is_due_at_once():
    clock = Clock()
    rows = [Row(2, 3_600_000, 1.0), Row(3, 0, 2.0), Row(4, 3_660_000, 3.0)]

    parts = list(in_their_time(rows, 1000, speed=60, clock=lambda: clock.now, sleep=clock.sleep))

    assert parts == [rows]
    assert clock.now == 100


# Refusals in one line


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"batch": 0}, "--batch 0 is not between 1 and 5000"),
        ({"batch": 5001}, "--batch 5001 is not between"),
        ({"speed": 0.0}, "--speed 0 is not above 0"),
        ({"speed": float("nan")}, "is not above 0"),
        ({"metric": "Temperature!"}, "is no metric name"),
        ({"device": "nobody"}, "There is no device 'nobody'"),
        ({"device": "99999999999999999999"}, "There is no device"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(tmp_path, options, reason):
    file = recording_at(tmp_path, "2026-01-01,1")

    with pytest.raises(CommandError, match=reason) as refusal:
        call_command(
            "replay", str(file), **{"device": make_device().external_id, "metric": "temperature", **options}
        )
    assert "\n" not in str(refusal.value)
    assert refusal.value.returncode == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "reason"),
    [(None, "No such file"), ("", "is no recording"), ("timestamp,value\n", "holds no reading")],
)
def test_a_file_that_is_no_recording_is_refused_in_one_line(tmp_path, text, reason):
    file = tmp_path / "file.csv"
    if text is not None:
        file.write_text(text)

    with pytest.raises(CommandError, match=reason):
        replay(file, make_device())


@pytest.mark.django_db
def test_a_server_that_is_not_there_is_one_line_and_leaves_no_token(tmp_path):
    with pytest.raises(CommandError, match="does not answer"):
        replay(recording_at(tmp_path, "2026-01-01,1"), make_device(), url=f"http://127.0.0.1:{free_port()}")
    assert not Credential.objects.filter(label="replay").alive(timezone.now()).exists()


# Against the real server


def brute_force(rows, *, shift, low, high):
    """(start, end) of every breach: in file order, judging only what is not older than the newest so far."""
    newest, began, breaches = None, None, []
    for row in rows:
        if newest is not None and row.timestamp < newest:
            continue
        newest = row.timestamp
        at = datetime.fromtimestamp((row.timestamp + shift) / 1000, UTC)
        is_outside = row.value < low or row.value > high
        if is_outside and began is None:
            began = at
        elif not is_outside and began is not None:
            breaches.append((began, at))
            began = None
    return breaches + ([(began, None)] if began else [])


@pytest.mark.integration
@pytest.mark.django_db(transaction=True)
def test_the_recording_is_stored_once_and_its_failures_raise_the_alerts_that_a_brute_force_finds():
    device = make_device()
    make_threshold(device, min_value=20, max_value=100)
    with RECORDING.open() as lines:
        rows = list(read_recording(lines))
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    shift = shift_to_end_before(rows, today)

    with server() as url:
        first, _ = replay(RECORDING, device, url=url)
        after_first = stored(device)
        second, _ = replay(RECORDING, device, url=url)

    later_wins = {row.timestamp + shift: row.value for row in rows}
    assert after_first == sorted(later_wins.items())
    assert len(after_first) == 22_683
    assert stored(device) == after_first
    assert first.startswith("Sent 22,695: accepted 22,695, duplicates 0, rejected 0.\n22,683 readings of ")
    assert second.startswith("Sent 22,695: accepted 24, duplicates 22,671, rejected 0.\n22,683 readings of ")
    assert today - DAY < datetime.fromtimestamp(max(later_wins) / 1000, UTC) < today

    expected = brute_force(rows, shift=shift, low=20, high=100)
    assert len(expected) > 10
    assert list(Alert.objects.order_by("started_at").values_list("started_at", "ended_at")) == expected
    assert not Credential.objects.filter(label="replay").alive(timezone.now()).exists()


@pytest.mark.integration
@pytest.mark.django_db(transaction=True)
def test_times_can_be_kept_and_what_the_server_refuses_is_told_by_line(tmp_path):
    device = make_device()
    hour_ago = timezone.now().replace(microsecond=0) - timedelta(hours=1)
    file = recording_at(tmp_path, f"{hour_ago:%Y-%m-%d %H:%M:%S},1", "x,2", "2013-01-01 00:00:00,3")

    with server() as url:
        out, err = replay(file, device, url=url, at="original")
        with pytest.raises(CommandError, match="took none of the readings"):
            replay(recording_at(tmp_path, "2013-01-01 00:00:00,3"), device, url=url, at="original")

    assert stored(device) == [(int(hour_ago.timestamp() * 1000), 1.0)]
    assert "line 3: 'x' is no time" in err
    assert out.startswith(
        "Sent 2: accepted 1, duplicates 0, rejected 1.\n  line 4: timestamp: is older than what is kept\n"
    )
