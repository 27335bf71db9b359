"""Devices from a CSV file, and to one."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from devices.device_csv import COLUMNS, read_rows, read_tags, write_rows, write_tags
from devices.models import Device, Presence
from devices.queries import alive_credential, devices_matching
from devices.services import deactivate_devices, devices_as_csv, import_devices, set_type_defaults
from factory.errors import InvalidInput
from factory.spreadsheet import guarded, unguarded
from tests.builders import NOON, Trpc, data_of, make_device, make_user, refusal_of, sign_in

pytestmark = pytest.mark.django_db

FILE = """\
deviceId,name,type,status,location,zone,firmwareVersion,tags,metadata
press-1,Press 1,controller,maintenance,north,Hall A,2.10,press; line 7,"{""line"": 7}"
pump-1,Pump 1,actuator,,,,,,
"""


def exported() -> str:
    return b"".join(devices_as_csv(devices=devices_matching())).decode()


def row_of(external_id: str) -> tuple:
    columns = ("name", "type", "status", "location", "zone", "firmware_version", "tags", "metadata")
    return Device.objects.values_list(*columns).get(external_id=external_id)


def test_new_devices_come_with_their_tokens():
    told = import_devices(text=FILE, at=NOON)

    assert (told.rows, told.created, told.updated, told.unchanged, told.bad) == (2, 2, 0, 0, 0)
    assert told.written
    assert row_of("press-1") == (
        "Press 1",
        "controller",
        "maintenance",
        "north",
        "Hall A",
        "2.10",
        ["press", "line 7"],
        {"line": 7},
    )
    assert row_of("pump-1") == ("Pump 1", "actuator", "offline", "", "", "", [], {})
    assert [external_id for external_id, _ in told.tokens] == ["press-1", "pump-1"]
    for external_id, token in told.tokens:
        assert alive_credential(token=token, at=NOON).device.external_id == external_id
    assert Presence.objects.count() == 2


def test_what_is_written_is_read_back_unchanged():
    make_device(external_id="-1-2", name="=1+1", zone="'quoted", tags=["a;b", "c\\d", " e ", "ü"])
    make_device(external_id="b", name='He said "no", then\nleft', metadata={"a": [1, {"b": None}], "ü": 1.5})
    make_device(external_id="c", name="'", status="error", location="@home", firmware_version="+1")
    before = list(Device.objects.order_by("pk").values())
    text = exported()

    told = import_devices(text=text, at=NOON)
    assert (told.unchanged, told.created, told.updated, told.errors) == (3, 0, 0, [])
    assert list(Device.objects.order_by("pk").values()) == before

    Device.objects.all().delete()
    told = import_devices(text="\ufeff" + text.replace("\n", "\r\n"), at=NOON)
    assert told.created == 3
    assert exported().replace("\r\n", "\n") == text.replace("\r\n", "\n")


def test_what_a_spreadsheet_would_work_out_is_written_as_text():
    make_device(external_id="a", name="=HYPERLINK(1)", zone="+1", location="@x", tags=["-t"])

    assert exported().splitlines()[1] == "a,'=HYPERLINK(1),sensor,offline,'@x,'+1,,'-t,"


def test_devices_that_exist_are_changed_where_the_file_says_so():
    press = make_device(external_id="press-1", name="Old", zone="B", tags=["x"], status="online")
    make_device(external_id="pump-1", name="Pump", zone="B")
    same = make_device(external_id="fan-1", name="Fan", zone="B")
    text = "deviceId,name,zone,status\npress-1,Press,A,maintenance\npump-1,Pump,A,\nfan-1,Fan,B,error\n"

    told = import_devices(text=text, at=NOON)

    assert (told.created, told.updated, told.unchanged, told.tokens) == (0, 2, 1, [])
    # A column that is not there leaves what is; of a device that exists the plant knows the status.
    assert row_of("press-1") == ("Press", "sensor", "online", "", "A", "", ["x"], {})
    press.refresh_from_db()
    assert press.updated_at == NOON
    before = same.updated_at
    same.refresh_from_db()
    assert same.updated_at == before


def test_an_empty_cell_empties():
    make_device(external_id="a", name="A", zone="B", tags=["x"], metadata={"x": 1})

    import_devices(text="deviceId,zone,tags,metadata\na,,,\n", at=NOON)

    assert row_of("a") == ("A", "sensor", "offline", "", "", "", [], {})


def test_another_type_is_waited_for_by_its_own_rule():
    from datetime import timedelta

    from devices.patience import rules
    from devices.services import note_seen, set_silence_rule

    set_silence_rule(type="gateway", silent_seconds=600)
    rules.forget()
    device = make_device(external_id="a", name="A")
    note_seen(device_ids=[device.pk], at=NOON)

    import_devices(text="deviceId,type\na,gateway\n", at=NOON)

    assert Presence.objects.get().silent_at == NOON + timedelta(seconds=600)


def test_semicolons_and_tabs_are_understood():
    for delimiter in ";\t":
        text = f"deviceId{delimiter}name{delimiter}type\nd-{ord(delimiter)}{delimiter}A, B{delimiter}sensor\n"
        assert import_devices(text=text, at=NOON).created == 1

    assert sorted(Device.objects.values_list("name", flat=True)) == ["A, B", "A, B"]


BAD = """\
deviceId,name,type,tags,metadata
good-1,Good,sensor,,
no spaces,A,sensor,,
b,,robot,,[1]
c,C,sensor,,{
good-1,Again,sensor,,
d,D,sensor,%s,
"""


def test_bad_rows_are_named_and_nothing_is_written():
    told = import_devices(text=BAD % ("x" * 65), at=NOON)

    assert (told.rows, told.created, told.bad, told.written, told.tokens) == (6, 1, 5, False, [])
    assert [error[:2] for error in told.errors] == [
        (3, "deviceId"),
        (4, "name"),
        (4, "type"),
        (4, "metadata"),
        (5, "metadata"),
        (6, "deviceId"),
        (7, "tags"),
    ]
    messages = {error[:2]: error.message for error in told.errors}
    assert messages[3, "deviceId"] == "Letters, digits and . _ : - only, at most 64."
    assert messages[4, "type"] == "Value 'robot' is not a valid choice."
    assert messages[4, "metadata"] == "must be an object"
    assert messages[5, "metadata"].startswith("is no JSON: ")
    assert messages[6, "deviceId"] == "is in row 2 already"
    assert not Device.objects.exists()


def test_bad_rows_can_be_skipped():
    told = import_devices(text=BAD % "x", at=NOON, skip_bad=True)

    assert (told.created, told.bad, told.written) == (2, 4, True)
    assert sorted(Device.objects.values_list("external_id", flat=True)) == ["d", "good-1"]


def test_a_dry_run_writes_nothing():
    make_device(external_id="press-1", name="Old")

    told = import_devices(text=FILE, at=NOON, dry_run=True)

    assert (told.created, told.updated, told.written, told.tokens) == (1, 1, False, [])
    assert list(Device.objects.values_list("name", flat=True)) == ["Old"]


def test_without_updating_those_that_exist_are_errors():
    make_device(external_id="press-1", name="Old")

    told = import_devices(text=FILE, at=NOON, update=False)

    assert [tuple(error) for error in told.errors] == [(2, "deviceId", "is in use already")]
    assert Device.objects.count() == 1


def test_new_devices_start_with_what_their_type_has():
    set_type_defaults(type="actuator", tags=["driven"], metadata={"owner": "maintenance"})

    import_devices(text=FILE, at=NOON)

    assert row_of("pump-1")[-2:] == (["driven"], {"owner": "maintenance"})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty: the first row names the columns"),
        (
            "deviceId,colour\n",
            f"there is no column 'colour'; there are {', '.join(COLUMNS)}",
        ),
        ("name\nA\n", "the column 'deviceId' is missing; the first row names the columns"),
        ("deviceId,deviceId\n", "the column 'deviceId' is there twice"),
        ('deviceId\n"a\n', "row 2 cannot be read: unexpected end of data"),
        ("deviceId\n" + "a\n" * 10_001, "has more than 10,000 rows"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(text, reason):
    with pytest.raises(InvalidInput) as refused:
        import_devices(text=text, at=NOON)

    assert refused.value.fields == {"csv": [reason]}


@pytest.mark.parametrize("row", ["press-1", "press-1,Press,actuator"])
def test_a_short_row_is_bad_and_blanks_nothing(row):
    import_devices(text=FILE, at=NOON)
    before = row_of("press-1")

    done = import_devices(text=f"deviceId,name,type,zone,tags,metadata\n{row}\n", at=NOON)

    cells = row.count(",") + 1
    assert [(e.row, e.field, e.message) for e in done.errors] == [
        (2, "deviceId", f"the row has fewer cells ({cells}) than the header ({6})")
    ]
    assert row_of("press-1") == before


def test_cells_under_no_name_may_be_missing():
    done = import_devices(text="deviceId,name,type,,\nx,X,sensor\n", at=NOON)

    assert (done.created, done.bad) == (1, 0)


def test_over_the_api(client):
    sign_in(client, make_user(role="technician"))
    api = Trpc(client)

    tried = data_of(api.mutate("devices.importCsv", {"csv": FILE, "dryRun": True}))
    assert tried == {
        "rows": 2,
        "created": 2,
        "updated": 0,
        "unchanged": 0,
        "bad": 0,
        "written": False,
        "errors": [],
        "tokens": [],
    }
    done = data_of(api.mutate("devices.importCsv", {"csv": FILE}))
    assert [each["deviceId"] for each in done["tokens"]] == ["press-1", "pump-1"]
    bad = data_of(api.mutate("devices.importCsv", {"csv": "deviceId,name\nx,\n"}))
    assert bad["errors"] == [
        {"row": 2, "field": "name", "message": "This field cannot be blank."},
        {"row": 2, "field": "type", "message": "This field cannot be blank."},
    ]
    assert refusal_of(api.mutate("devices.importCsv", {"csv": "colour\n"}))[:2] == (400, "BAD_REQUEST")
    half = api.post("devices.importCsv", rb'{"csv": "deviceId\n\ud800"}', origin="http://testserver")
    assert refusal_of(half)[:2] == (400, "BAD_REQUEST")

    response = api.query("devices.exportCsv", {"filter": "tag = press"})
    assert response["Content-Disposition"] == 'attachment; filename="devices.csv"'
    lines = b"".join(response.streaming_content).decode().splitlines()
    assert [line.partition(",")[0] for line in lines] == ["deviceId", "press-1"]
    deactivate_devices(device_ids=[Device.objects.get(external_id="press-1").pk], at=timezone.now())
    without = b"".join(api.query("devices.exportCsv", {}).streaming_content).decode().splitlines()
    assert [line.partition(",")[0] for line in without] == ["deviceId", "pump-1"]
    bad_filter = api.query("devices.exportCsv", {"filter": "tag"})
    assert refusal_of(bad_filter)[:2] == (400, "BAD_REQUEST")


def test_a_viewer_imports_nothing(client):
    sign_in(client, make_user(role="operator"))

    assert refusal_of(Trpc(client).mutate("devices.importCsv", {"csv": FILE}))[:2] == (403, "FORBIDDEN")
    assert not Device.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_same_file_twice_at_once_makes_each_device_once():
    barrier = Barrier(2)
    text = "deviceId,name,type\n" + "".join(f"d-{n},Device {n},sensor\n" for n in range(200))

    def work(_):
        try:
            barrier.wait(20)
            return import_devices(text=text, at=NOON)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(work, range(2)))

    assert Device.objects.count() == 200
    assert sorted((each.created, each.unchanged, len(each.tokens)) for each in told) == [
        (0, 200, 0),
        (200, 0, 200),
    ]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)


@given(st.lists(texts.filter(bool), max_size=4))
def test_any_tags_are_read_as_they_were_written(tags):
    assert read_tags(unguarded(guarded(write_tags(tags)))) == tags


@given(st.dictionaries(texts, st.integers() | texts | st.none() | st.lists(st.booleans()), max_size=3), texts)
def test_any_device_is_read_as_it_was_written(metadata, name):
    name = name.strip()
    device = dict.fromkeys(["external_id", "type", "status", "location", "zone", "firmware_version"], "x")
    device |= {"name": name, "tags": ["a"], "metadata": metadata}

    [row] = read_rows(b"".join(write_rows([device])).decode())

    assert (row.values, row.problems) == (device, {})
