"""Reports through the public procedures: asked for, fetched by a link, planned; by whom, and what is refused."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.utils import timezone

from analytics.models import Report, ReportSchedule
from analytics.services.reports import make_report
from devices.services import issue_token
from tests.analytics.machining import DAY, midnight
from tests.builders import Trpc, data_of, make_device, make_group, make_user, refusal_of, sign_in
from tests.ota.storing import use_storage

pytestmark = pytest.mark.django_db
PLAN = {
    "name": "Each morning",
    "kind": "analytics",
    "cadence": "daily",
    "atTime": "06:00",
    "recipients": ["shift@example.com"],
}


@pytest.fixture(autouse=True)
def _own_storage(settings, tmp_path):
    use_storage(settings, f"file://{tmp_path / 'storage'}")


@pytest.fixture
def api(client, mira):
    return Trpc(client)


def span(days: int = 1) -> dict:
    return {"startTime": midnight(), "endTime": midnight() + days * DAY}


def make(report_id: int) -> None:
    assert make_report(report_id=report_id, at=timezone.now(), clock=timezone.now)


def fetch(client, url: str, **headers):
    parts = urlsplit(url)
    return client.get(f"{parts.path}?{parts.query}", headers=headers)


def test_a_report_on_the_plant_has_its_page_at_once_and_its_paper_behind_the_link(api, client):
    written = data_of(api.mutate("export.analyticsReport", span()))

    assert sorted(written) == ["filename", "html", "id", "pdfUrl"]
    assert written["html"].startswith("<!doctype html>")
    assert "Analytics: the plant" in written["html"]
    client.cookies.clear()
    waiting = fetch(client, written["pdfUrl"])
    assert (waiting.status_code, waiting["Retry-After"]) == (202, "2")
    make(written["id"])
    done = fetch(client, written["pdfUrl"])
    assert (done.status_code, done["Content-Type"]) == (200, "application/pdf")
    assert done.content.startswith(b"%PDF-")
    assert written["filename"] in done["Content-Disposition"]


@pytest.mark.parametrize("by", ["number", "name"])
def test_a_report_on_a_device_takes_its_number_or_its_own_id(api, by):
    device = make_device(name="Presse Süd", external_id="press-3")

    written = data_of(
        api.mutate("export.deviceReport", {**span(), "deviceId": device.pk if by == "number" else "press-3"})
    )

    assert "Presse Süd" in written["html"]


def test_a_report_on_alerts_may_be_of_one_severity(api):
    written = data_of(api.mutate("export.alertHistoryReport", {**span(), "severity": "critical"}))

    assert "Alert history" in written["html"]
    assert Report.objects.get().parameters["severity"] == "critical"


def test_one_left_to_a_worker_tells_how_far_it_is(api):
    asked = data_of(api.mutate("export.requestReport", {**span(), "kind": "alerts"}))
    assert (asked["status"], asked["progress"], asked["mails"]) == ("queued", 0, [])

    make(asked["id"])

    done = data_of(api.query("export.getReport", {"id": asked["id"]}))
    assert (done["status"], done["progress"], done["error"]) == ("done", 100, "")
    assert done["pdfUrl"]


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_the_same_number_of_queries_however_long_it_is(api, count, django_assert_num_queries):
    for _ in range(count):
        api.mutate("export.requestReport", {**span(), "kind": "alerts"})

    with django_assert_num_queries(4):  # who asks, how many, reports, mails
        answer = api.query("export.reports", {"kind": "alerts"})

    assert len(data_of(answer)) == count
    assert answer["X-Total-Count"] == str(count)


def test_a_link_is_good_for_its_report_alone_for_a_day_and_while_whoever_asked_may_come_in(api, client, mira):
    written = data_of(api.mutate("export.analyticsReport", span()))
    other = data_of(api.mutate("export.analyticsReport", span()))
    client.cookies.clear()
    path = f"/reports/{other['id']}/file.pdf"
    key = urlsplit(written["pdfUrl"]).query

    assert client.get(f"{path}?{key}").status_code == 401
    assert client.get(f"{path}?key=nonsense").status_code == 401
    assert client.get(path).status_code == 401
    with time_machine.travel(timezone.now() + timedelta(days=1, minutes=1)):
        assert fetch(client, written["pdfUrl"]).status_code == 401
    mira.is_active = False
    mira.save()
    assert fetch(client, written["pdfUrl"]).status_code == 401


def test_somebody_at_a_browser_is_asked_to_sign_in_instead(api, client):
    written = data_of(api.mutate("export.analyticsReport", span()))
    client.cookies.clear()

    answer = client.get(f"/reports/{written['id']}/file.html", headers={"accept": "text/html"})

    assert (answer.status_code, answer["Location"]) == (
        302,
        f"/sign-in?next=/reports/{written['id']}/file.html",
    )


def test_the_page_of_a_report_runs_nothing(api, client):
    written = data_of(api.mutate("export.analyticsReport", span()))

    page = client.get(f"/reports/{written['id']}/file.html")

    assert page.status_code == 200
    assert page["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "script" not in page["Content-Security-Policy"]


def test_the_table_is_there_before_the_paper_is_and_what_no_report_has_is_not(api, client):
    written = data_of(api.mutate("export.analyticsReport", span()))

    table = client.get(f"/reports/{written['id']}/file.csv")

    assert table.content.startswith(b"\xef\xbb\xbfAnalytics: the plant,")
    assert "attachment" in table["Content-Disposition"]
    assert client.get(f"/reports/{written['id']}/file.exe").status_code == 404
    assert client.get("/reports/4711/file.pdf").status_code == 404


def test_strangers_and_devices_get_no_report(client):
    device = make_device()
    devices_own = Trpc(client, bearer=issue_token(device=device, at=timezone.now()))

    for path in ("deviceReport", "analyticsReport", "alertHistoryReport", "requestReport"):
        assert refusal_of(Trpc(client).mutate(f"export.{path}", span()))[0] == 401
        assert refusal_of(devices_own.mutate(f"export.{path}", span()))[0] in (401, 403)
    assert Report.objects.count() == 0


@pytest.mark.parametrize(
    ("path", "asked", "field"),
    [
        ("deviceReport", {}, "deviceId"),
        ("analyticsReport", {"groupId": 0}, "groupId"),
        ("alertHistoryReport", {"severity": "loud"}, "severity"),
        ("analyticsReport", {"endTime": "yesterday"}, "endTime"),
        ("requestReport", {"kind": "poem"}, "kind"),
        ("requestReport", {"kind": "device"}, "deviceId"),
        ("requestReport", {"kind": "alerts", "groupId": 1}, "groupId"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(api, path, asked, field):
    answer = api.mutate(f"export.{path}", {**span(), **asked})

    assert refusal_of(answer)[:2] == (400, "BAD_REQUEST")
    assert field in answer.content.decode()
    assert Report.objects.count() == 0


@pytest.mark.parametrize(
    ("path", "asked"), [("deviceReport", {"deviceId": 4711}), ("analyticsReport", {"groupId": 4711})]
)
def test_what_is_not_there_is_not_found(api, path, asked):
    assert refusal_of(api.mutate(f"export.{path}", {**span(), **asked}))[0] == 404


def test_one_of_ones_own_can_be_cancelled(api):
    asked = data_of(api.mutate("export.requestReport", {**span(), "kind": "alerts"}))

    assert data_of(api.mutate("export.cancelReport", {"id": asked["id"]}))["status"] == "cancelled"
    assert refusal_of(api.mutate("export.cancelReport", {"id": asked["id"]}))[:2] == (409, "CONFLICT")
    assert refusal_of(api.mutate("export.cancelReport", {"id": 4711}))[0] == 404


def test_a_technician_plans_changes_and_drops_a_report(client, tess):
    api, group = Trpc(client), make_group()
    planned = data_of(api.mutate("export.scheduleReport", {**PLAN, "groupId": group.pk}))
    assert planned["parameters"] == {"groupId": group.pk}
    assert planned["nextAt"]

    changed = data_of(
        api.mutate(
            "export.updateSchedule", {**PLAN, "id": planned["id"], "cadence": "weekly", "enabled": False}
        )
    )
    assert (changed["cadence"], changed["nextAt"], changed["parameters"]) == ("weekly", None, {})
    assert [one["id"] for one in data_of(api.query("export.schedules"))] == [planned["id"]]

    assert data_of(api.mutate("export.deleteSchedule", {"id": planned["id"]})) is True
    assert refusal_of(api.mutate("export.deleteSchedule", {"id": planned["id"]}))[0] == 404


@pytest.mark.parametrize(
    "asked",
    [
        {"recipients": []},
        {"recipients": ["nobody"]},
        {"recipients": ["a@example.com"] * 51},
        {"recipients": ["a@example.com\nBcc: b@example.com"]},
        {"atTime": "25:00"},
        {"cadence": "hourly"},
        {"kind": "device"},
        {"severity": "critical"},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(client, tess, asked):
    assert refusal_of(Trpc(client).mutate("export.scheduleReport", {**PLAN, **asked}))[0] == 400
    assert ReportSchedule.objects.count() == 0


def test_below_technician_nobody_plans(client):
    sign_in(client, make_user(role="operator"))

    assert refusal_of(Trpc(client).mutate("export.scheduleReport", PLAN))[0] == 403
