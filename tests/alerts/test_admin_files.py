"""Thresholds out into a file and in again: what is shown, and that just that is written."""

import re

import pytest

from alerts.admin import previews
from alerts.models import Threshold, ThresholdChange
from alerts.services.thresholds import edit_threshold
from tests.alerts.console import (
    ALL,
    THRESHOLDS,
    choose,
    hidden,
    refused,
    shown,
    upload,
    values,
    words_of,
    write,
)
from tests.builders import NOON, make_device, make_group, make_threshold, make_user, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def boss(client):
    boss = make_user(role="admin", email="boss@example.com")
    sign_in(client, boss)
    return boss


@pytest.fixture(autouse=True)
def _thresholds():
    oven = make_device(external_id="-oven-1", name="Oven")
    line = make_group(name="=Line 7; Süd")
    make_threshold(oven, max_value=90.0, warning_max=80.5, hysteresis=2.0)
    make_threshold(group=line, metric="power", min_value=-5.0, hold_seconds=30, count=3)
    make_threshold(device_type="gateway", metric="rpm", max_value=100.0, enabled=False)


def export(client):
    response = client.get(f"{THRESHOLDS}export/")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="thresholds-\d{8}-\d{4}.csv"', response["Content-Disposition"])
    return response.content


def test_all_are_exported(client):
    lines = export(client).decode("utf-8-sig").split("\r\n")

    assert lines == [
        ALL,
        "type,gateway,rpm,,,,100,0,0,0,1,false",
        "group,'=Line 7; Süd,power,-5,,,,0,30,0,3,true",
        "device,'-oven-1,temperature,,,80.5,90,2,0,0,1,true",
        "",
    ]


def test_the_selected_ones_are_exported(client):
    response = choose(client, "export_selected", Threshold.objects.filter(metric="rpm"))

    assert response.content.decode().count("\r\n") == 2
    assert b"gateway,rpm" in response.content


def test_an_export_read_in_again_changes_nothing(client):
    preview = upload(client, data=export(client))

    assert (shown(preview), refused(preview), preview.context["same"]) == ({}, [], 3)


def test_an_export_brings_back_what_was_lost(client):
    data, before = export(client), values("metric", "min_value", "max_value", "count", "enabled")
    Threshold.objects.all().delete()

    write(client, upload(client, data=data))

    assert values("metric", "min_value", "max_value", "count", "enabled") == before


def test_a_file_makes_and_changes_and_leaves_the_rest(client, boss):
    preview = upload(
        client,
        "device,-oven-1,temperature,,,85,95,2,0,0,1,true",
        "device,-oven-1,humidity,,,,60,,,,,",
        "type,gateway,rpm,,,,100,0,0,0,1,false",
    )

    assert shown(preview) == {
        "New": [("Oven (-oven-1)", "humidity (%)", "max value 60")],
        "Changed": [("Oven (-oven-1)", "temperature (°C)", "max value 90 → 95, warning max 80.5 → 85")],
    }
    assert preview.context["same"] == 1
    assert Threshold.objects.count() == 3

    assert words_of(write(client, preview)) == ["Thresholds made: 1, changed: 1."]
    assert values("metric", "max_value") == {
        ("temperature", 95),
        ("humidity", 60),
        ("power", None),
        ("rpm", 100),
    }
    made = ThresholdChange.objects.get(kind="created", by=boss)
    assert made.threshold_id == Threshold.objects.get(metric="humidity").pk
    assert (made.scope, made.after["max_value"]) == ("Oven (-oven-1)", 60)


def test_columns_that_a_file_does_not_have_stay(client):
    preview = upload(client, "device,-oven-1,temperature,95", header="scope,target,metric,maxValue")
    write(client, preview)

    assert Threshold.objects.filter(warning_max=80.5, hysteresis=2.0, max_value=95.0).count() == 1


def test_rows_that_cannot_be_meant_are_told_with_line_column_and_reason(client):
    preview = upload(
        client,
        "device,oven-9,temperature,,,,95,,,,,",
        "group,line 7,power,,,,95,,,,,",
        "type,toaster,power,,,,95,,,,,",
        "type,sensor,power,,,,hot,,,,,",
        "type,sensor,rpm,100,,,5,,,,,",
        "type,sensor,humidity,,,,5,,86401,,0,",
        "type,sensor,vibration,,,,5,,,,,",
        "type,sensor,vibration,,,,6,,,,,",
        "type,sensor,pressure,,,,,,,,,",
    )

    assert refused(preview) == [
        ("line 2", "target", "there is no device 'oven-9'"),
        ("line 3", "target", "there is no group 'line 7'"),
        ("line 4", "target", "there is no type 'toaster'"),
        ("line 5", "maxValue", "'hot' is no number"),
        ("line 6", "maxValue", "must not be below minValue (100)"),
        ("line 7", "holdSeconds", "must be from 0 to 86400"),
        ("line 7", "count", "must be from 1 to 1000"),
        ("line 9", "metric", "occurs in line 8 already"),
        ("line 10", "maxValue", "give at least one of minValue, maxValue, warningMin, warningMax"),
    ]
    assert [metric for _, metric, _ in shown(preview)["New"]] == ["vibration (mm/s)"]


def test_with_refused_rows_nothing_is_written_unless_they_are_left_out(client):
    preview = upload(client, "type,sensor,power,,,,hot,,,,,", "type,sensor,rpm,,,,5,,,,,")

    again = write(client, preview)
    assert again.context["problem"] == "Tick that the refused rows are left out, or correct the file."
    assert refused(again) == refused(preview)
    assert Threshold.objects.count() == 3

    done = write(client, again, leave_out="yes")
    assert words_of(done) == ["Thresholds made: 1, changed: 0, rows left out: 1."]
    assert Threshold.objects.filter(device_type="sensor").count() == 1


def test_where_all_rows_are_refused_there_is_nothing_to_write(client):
    preview = upload(client, "type,sensor,power,,,,hot,,,,,")

    assert hidden(preview, "revision") == ""


def test_what_changed_since_the_preview_is_told(client):
    preview = upload(client, "device,-oven-1,temperature,,,85,95,2,0,0,1,true")
    edit_threshold(threshold=Threshold.objects.get(metric="temperature"), at=NOON, hysteresis=1.0)

    again = write(client, preview)

    assert "temperature of Oven (-oven-1). Nothing was written." in again.context["problem"]
    assert shown(again)["Changed"][0][2].endswith("hysteresis 1 → 2")
    assert values("metric", "max_value") >= {("temperature", 90)}


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "The submitted file is empty."),
        (b"hello", "The first line is not the header: 'hello' is no column."),
        ("scope;Süd\n".encode("latin-1"), "The file is not UTF-8 (line 1)."),
        (b"\x00\x01\x02\xff", "The file is not UTF-8 (line 1)."),
        (b"x" * (5 * 1024 * 1024 + 1), "The file is larger than 5 MB."),
        (
            b"scope,target,metric,maxValue\n" + b"type,sensor,rpm,5\n" * 10_001,
            "The file has more than 10000 rows.",
        ),
    ],
)
def test_a_file_that_is_no_such_file_is_told_at_its_field(client, data, error):
    page = upload(client, data=data)

    assert page.context["form"].errors["file"][0].startswith(error)


def test_without_a_file_there_is_a_word(client):
    page = client.post(f"{THRESHOLDS}import/", {})

    assert page.context["form"].errors == {"file": ["This field is required."]}


def test_names_in_a_file_are_only_text(client):
    preview = upload(client, "group,<script>alert(1)</script>,power,,,,9,,,,,", name="<b>.csv")

    page = preview.content.decode()
    assert "<script>alert(1)" not in page
    assert "<b>.csv" not in page


def test_a_long_preview_shows_the_beginning_and_writes_all(client, monkeypatch):
    monkeypatch.setattr(previews, "SHOWN", 2)
    metrics = [f"m{number}" for number in range(5)]
    good = [f"type,sensor,{metric},,,,5,,,,," for metric in metrics]
    bad = [f"type,sensor,{metric},,,,hot,,,,," for metric in metrics]

    preview = upload(client, *good, *(line.replace("sensor", "gateway") for line in bad))

    assert len(shown(preview)["New"]) == len(refused(preview)) == 2
    assert "New: 5." in preview.content.decode()
    assert "Refused: 5." in preview.content.decode()
    write(client, preview, leave_out="yes")
    assert Threshold.objects.filter(device_type="sensor").count() == 5


@pytest.mark.parametrize("rows", [1, 3])
def test_a_file_costs_the_same_for_any_number_of_rows(client, rows, django_assert_num_queries):
    lines = []
    for number in range(rows):
        make_threshold(make_device(external_id=f"pump-{number}"), max_value=float(number))
        lines += [f"device,pump-{number},temperature,,,,9{number},,,,,"]
        lines += [f"device,pump-{number},power,,,,9{number},,,,,"]

    with django_assert_num_queries(3):  # session, devices, thresholds
        preview = upload(client, *lines)
    with django_assert_num_queries(
        31 + rows
    ):  # one for each that changes in its own way, one for the audit log
        write(client, preview)
