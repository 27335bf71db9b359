"""Reports: asked for by people, made by one worker at a time whatever dies meanwhile, kept until they expire."""

import io
from datetime import timedelta

import pytest
from pypdf import PdfReader

from analytics import shelf
from analytics.models import Report
from analytics.services.reports import (
    AT_ONCE,
    ATTEMPTS,
    CLAIM,
    RETRY_AFTER,
    cancel_report,
    make_report,
    request_report,
    sweep_reports,
    waiting_reports,
)
from factory.errors import Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from tests import services
from tests.analytics.machining import DAY, midnight
from tests.builders import NOON, make_device, make_group, make_user
from tests.ota.storing import stored_files, use_storage

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    use_storage(settings, f"file://{tmp_path / 'storage'}")
    return tmp_path / "storage"


def ask(kind="alerts", *, at=NOON, by=None, days=1, **about) -> Report:
    start = midnight()
    by = by or make_user()
    return request_report(kind=kind, start=start, end=start + days * DAY, by=by, at=at, **about)


def made(report: Report, at=NOON) -> bool:
    return make_report(report_id=report.pk, at=at, clock=lambda: at)


def state(report: Report) -> tuple[str, int, int]:
    report.refresh_from_db()
    return report.status, report.progress, report.attempts


def test_a_report_is_made_once_with_its_page_its_table_and_its_paper():
    report = ask(by=make_user(name="Mira"))

    assert (made(report), made(report)) == (True, False)

    assert state(report) == ("done", 100, 1)
    assert report.expires_at == NOON + timedelta(days=30)
    pdf = shelf.get(report.folder, shelf.PDF)
    assert report.pdf_bytes == len(pdf)
    about = PdfReader(io.BytesIO(pdf)).metadata
    assert (about.title, about.author) == (report.title, "Mira")
    assert shelf.get(report.folder, shelf.PAGE).startswith(b"<!doctype html>")
    assert shelf.get(report.folder, shelf.TABLE).startswith(b"\xef\xbb\xbfAlert history,")


def test_its_days_are_whole_quarters_of_an_hour():
    start = midnight()

    report = request_report(kind="alerts", start=start + 1, end=start + DAY - 1, by=make_user(), at=NOON)

    assert report.parameters == {"startTime": start, "endTime": start + DAY}


@pytest.mark.parametrize(
    ("about", "refused"),
    [
        ({"kind": "device", "device_id": 4711}, NotFound),
        ({"kind": "analytics", "group_id": 4711}, NotFound),
        ({"kind": "alerts", "severity": "loud"}, InvalidInput),
        ({"kind": "alerts", "days": 367}, InvalidInput),
        ({"kind": "alerts", "days": 0}, InvalidInput),
    ],
)
def test_what_cannot_be_told_of_is_refused_at_once(about, refused):
    with pytest.raises(refused):
        ask(**about)
    assert Report.objects.count() == 0


def test_somebody_with_twenty_reports_under_way_waits_and_others_do_not():
    mira = make_user()
    for _ in range(20):
        ask(by=mira)

    with pytest.raises(Unavailable):
        ask(by=mira)

    assert ask(by=make_user()).status == "queued"


def test_only_some_are_made_at_once_and_each_that_ends_has_the_next_one_made(
    django_capture_on_commit_callbacks,
):
    waiting = [ask() for _ in range(AT_ONCE + 2)]
    Report.objects.filter(pk__in=[report.pk for report in waiting[:AT_ONCE]]).update(
        status="running", claimed_until=NOON + CLAIM
    )

    assert made(waiting[-1]) is False
    assert list(waiting_reports(at=NOON)) == waiting[AT_ONCE:]

    Report.objects.filter(pk=waiting[0].pk).update(status="done", claimed_until=None)
    with django_capture_on_commit_callbacks() as handed_over:
        assert made(waiting[-1]) is True
    assert len(handed_over) == 1, "the one that waits still"


def test_whoever_was_killed_is_made_up_for_when_their_claim_has_run_out():
    report = ask()
    Report.objects.filter(pk=report.pk).update(status="running", attempts=1, claimed_until=NOON + CLAIM)

    assert made(report, NOON + CLAIM - timedelta(seconds=1)) is False
    assert made(report, NOON + CLAIM) is True

    assert state(report) == ("done", 100, 2)


def test_who_was_overtaken_changes_nothing_and_leaves_the_files_to_the_other_one():
    report = ask()
    late = NOON + CLAIM * 2

    def clock():
        """The first worker looks at its clock again when the second one has been there."""
        if Report.objects.filter(pk=report.pk, status="running", attempts=1, progress=80).exists():
            assert make_report(report_id=report.pk, at=late, clock=lambda: late) is True
        return NOON

    assert make_report(report_id=report.pk, at=NOON, clock=clock) is True

    assert state(report) == ("done", 100, 2)
    assert report.finished_at == late
    assert report.pdf_bytes == len(shelf.get(report.folder, shelf.PDF))


def test_one_that_is_cancelled_while_it_is_made_stops_and_leaves_no_file(folder):
    omar = make_user(role="operator")
    report = ask()

    def clock():
        if Report.objects.filter(pk=report.pk, status="running", progress=80).exists():
            cancel_report(report=report, by=omar, at=NOON)
        return NOON

    assert make_report(report_id=report.pk, at=NOON, clock=clock) is True

    assert state(report)[:2] == ("cancelled", 80)
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_who_may_cancel():
    mira, other, omar = make_user(), make_user(), make_user(role="operator")
    report = ask(by=mira)

    with pytest.raises(Forbidden):
        cancel_report(report=report, by=other, at=NOON)
    cancel_report(report=report, by=mira, at=NOON)
    with pytest.raises(Conflict):
        cancel_report(report=report, by=omar, at=NOON)

    assert state(report)[0] == "cancelled"
    assert made(report) is False


def test_what_cannot_be_printed_has_failed_and_says_why_and_its_page_is_there(settings, tmp_path):
    font = tmp_path / "no-font.ttf"
    font.write_text("This is no font.")
    settings.REPORT_FONT = str(font)
    report = ask()

    made(report)

    assert state(report) == ("failed", 80, 1)
    assert "no-font.ttf" in report.error
    assert shelf.get(report.folder, shelf.PAGE).startswith(b"<!doctype html>")


def test_paper_that_takes_too_long_is_tried_again_and_its_page_is_there_meanwhile(monkeypatch):
    report = ask()
    with monkeypatch.context() as slow:
        slow.setattr("analytics.reports.printing.SECONDS", 0.0)
        slow.setattr("analytics.reports.printing.TELL_SECONDS", 0.01)
        made(report)

    assert state(report) == ("queued", 80, 1)
    assert report.error == "The PDF was not made within 0 seconds."
    assert shelf.get(report.folder, shelf.PAGE).startswith(b"<!doctype html>")

    assert made(report, NOON + RETRY_AFTER) is True
    assert state(report) == ("done", 100, 2)


def test_it_says_that_it_was_made_when_it_read_its_figures():
    report = ask()

    made(report, NOON + HOUR)

    report.refresh_from_db()
    assert b"Made</dt><dd>1 Jun 2026, 13:00<" in shelf.get(report.folder, shelf.PAGE)


def test_what_broke_is_tried_again_after_a_while_and_given_up_in_the_end():
    report, at = ask(), NOON
    Report.objects.filter(pk=report.pk).update(parameters={"written": "by nobody"})
    for attempt in range(1, ATTEMPTS + 1):
        assert made(report, at) is True
        assert state(report) == ("failed" if attempt == ATTEMPTS else "queued", 0, attempt)
        assert made(report, at) is False, "not at once"
        at += RETRY_AFTER * 2 ** (attempt - 1)

    assert report.error == "Something broke on our side: KeyError."


def test_while_its_storage_is_away_a_report_waits(settings, folder, tmp_path):
    report = ask()
    (tmp_path / "a file").write_text("where a folder is wanted")
    use_storage(settings, f"file://{tmp_path / 'a file' / 'storage'}")
    made(report)
    assert state(report)[0] == "queued"
    assert report.error == "The storage of reports is not available. Try again."

    use_storage(settings, f"file://{folder}")
    assert made(report, NOON + RETRY_AFTER) is True
    assert state(report) == ("done", 100, 2)
    assert report.error == ""


def test_a_device_that_was_deleted_meanwhile_ends_its_report():
    device = make_device()
    report = ask("device", device_id=device.pk)
    device.delete()

    made(report)

    assert state(report)[0] == "failed"
    assert "There is no device" in report.error


def test_the_sweep_finds_what_was_forgotten_and_clears_away_what_has_expired(
    folder, django_capture_on_commit_callbacks
):
    done, forgotten, tired = ask(), ask(), ask()
    made(done)
    Report.objects.filter(pk=tired.pk).update(status="running", attempts=ATTEMPTS, claimed_until=NOON)
    assert len(stored_files("reports")) == 4

    with django_capture_on_commit_callbacks() as handed_over:
        assert sweep_reports(at=NOON + HOUR) == 1
    assert len(handed_over) == 1
    assert state(tired)[0] == "failed"

    sweep_reports(at=NOON + timedelta(days=30))
    assert list(Report.objects.values_list("status", flat=True)) == []
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert forgotten.pk


def test_groups_and_devices_are_named_in_the_title_and_the_filename():
    group = make_group(name="Halle Süd / Fräsen")
    device = make_device(name="Σταθμός 4 <b>")

    titles = [ask("analytics", group_id=group.pk), ask("device", device_id=device.pk), ask("analytics")]

    assert [report.title.split(",")[0] for report in titles] == [
        "Halle Süd / Fräsen",
        "Σταθμός 4 <b>",
        "Plant",
    ]
    assert [report.filename.rsplit("-", 2)[0] for report in titles] == [
        "analytics-Halle-Süd-Fräsen",
        "device-Σταθμός-4-b",
        "analytics-Plant",
    ]


@pytest.mark.integration
def test_its_files_may_lie_in_s3_and_go_from_there_when_it_expires(settings):
    with services.s3() as bucket:
        use_storage(settings, bucket.url)
        report = ask()
        made(report)
        assert state(report) == ("done", 100, 1)
        assert shelf.get(report.folder, shelf.PDF).startswith(b"%PDF-")
        assert len(stored_files("reports")) == 4

        sweep_reports(at=report.expires_at)

        assert stored_files("reports") == {}
    assert Report.objects.count() == 0
