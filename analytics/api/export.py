from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.utils import timezone
from rest_framework import serializers

from alerts.models import Alert
from analytics.api.fields import ById, ClockField
from analytics.links import pdf_link
from analytics.models import Report, ReportSchedule
from analytics.queries.reports import get_report, get_schedule, reports_matching, schedules
from analytics.services.reports import ENGLISH, cancel_report, request_report, write_report
from analytics.services.schedules import drop_schedule, schedule_report
from devices.fields import DeviceReference
from devices.queries import get_device
from factory.accounts.permissions import TECHNICIAN, VIEWER
from factory.errors import InvalidInput
from factory.trpc.router import Router
from factory.trpc.serializers import (
    FreeForm,
    MomentField,
    StrictBoolean,
    StrictInteger,
    StrictString,
    WireSerializer,
)

router = Router("export")
Kind = Report.Kind


class Spoken(WireSerializer):
    # Of the page and the paper; a table speaks English to everybody.
    language = serializers.ChoiceField(settings.LANGUAGES, required=False)


class Span(Spoken):
    start_time = MomentField()
    end_time = MomentField()


class DeviceSpan(Span):
    device_id = DeviceReference()


class GroupSpan(Span):
    group_id = StrictInteger(min_value=1, required=False)


class AlertSpan(Span):
    severity = serializers.ChoiceField(Alert.Severity.choices, required=False)


class Written(WireSerializer):
    id = serializers.IntegerField()
    html = serializers.CharField()
    filename = serializers.CharField()
    pdf_url = serializers.CharField()


class About(WireSerializer):
    device_id = DeviceReference(required=False)
    group_id = StrictInteger(min_value=1, required=False)
    severity = serializers.ChoiceField(Alert.Severity.choices, required=False)


class NewReport(About, Span):
    kind = serializers.ChoiceField(Kind.choices)


class MailRow(WireSerializer):
    recipient = serializers.CharField()
    status = serializers.CharField()
    error = serializers.CharField()
    sent_at = serializers.DateTimeField(allow_null=True)


class ReportRow(WireSerializer):
    id = serializers.IntegerField()
    kind = serializers.CharField()
    title = serializers.CharField()
    filename = serializers.SerializerMethodField()
    parameters = FreeForm()
    language = serializers.CharField()
    status = serializers.CharField()
    progress = serializers.IntegerField()
    error = serializers.CharField()
    pdf_url = serializers.SerializerMethodField()
    schedule_id = serializers.IntegerField(allow_null=True)
    created_by = serializers.IntegerField(source="created_by_id", allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField()
    mails = MailRow(many=True)

    def get_filename(self, report: Report) -> str:
        return f"{report.filename}.pdf"

    def get_pdf_url(self, report: Report) -> str | None:
        return getattr(report, "link", None)


class ReportFilter(WireSerializer):
    kind = serializers.ChoiceField(Kind.choices, required=False)
    status = serializers.ChoiceField(Report.Status.choices, required=False)
    limit = StrictInteger(default=50, min_value=1, max_value=500)
    offset = StrictInteger(default=0, min_value=0)


class Planned(About, Spoken):
    name = StrictString(max_length=120)
    kind = serializers.ChoiceField(Kind.choices)
    cadence = serializers.ChoiceField(ReportSchedule.Cadence.choices)
    at_time = ClockField()
    recipients = serializers.ListField(child=StrictString(max_length=190), min_length=1, max_length=50)
    enabled = StrictBoolean(required=False)


class Changed(Planned, ById):
    """All of it, as it is to be."""


class ScheduleRow(WireSerializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.CharField()
    parameters = FreeForm()
    language = serializers.CharField()
    cadence = serializers.CharField()
    at_time = ClockField()
    recipients = serializers.ListField(child=serializers.CharField())
    enabled = serializers.BooleanField()
    next_at = serializers.DateTimeField(allow_null=True)
    error = serializers.CharField()
    created_by = serializers.IntegerField(source="created_by_id", allow_null=True)
    created_at = serializers.DateTimeField()


def _write(call, kind: str, start_time: int, end_time: int, **about: Any) -> dict[str, Any]:
    now = timezone.now()
    report, page = write_report(kind=kind, start=start_time, end=end_time, by=call.principal, at=now, **about)
    return {
        "id": report.pk,
        "html": page,
        "filename": f"{report.filename}.pdf",
        "pdf_url": pdf_link(report_id=report.pk, user=call.principal, at=now),
    }


def _about(
    kind: str,
    *,
    device_id: int | str | None = None,
    group_id: int | None = None,
    severity: str | None = None,
) -> dict[str, Any]:
    """What goes with a kind of report, and nothing else."""
    fits = {"device_id": Kind.DEVICE, "group_id": Kind.ANALYTICS, "severity": Kind.ALERTS}
    given = {"device_id": device_id, "group_id": group_id, "severity": severity}
    names = {"device_id": "deviceId", "group_id": "groupId", "severity": "severity"}
    for name, value in given.items():
        if value is not None and fits[name] != kind:
            raise InvalidInput.at(names[name], f"is not for a report of kind {kind}")
    if kind == Kind.DEVICE:
        if device_id is None:
            raise InvalidInput.at("deviceId", "name the device")
        return {"device_id": get_device(device_id).pk}
    return {name: value for name, value in given.items() if value is not None}


def _shown(call, reports: Sequence[Report]) -> list[Report]:
    """With a link to each that is made or being made."""
    now = timezone.now()
    for report in reports:
        if report.status not in (Report.Status.FAILED, Report.Status.CANCELLED):
            report.__dict__["link"] = pdf_link(report_id=report.pk, user=call.principal, at=now)
    return list(reports)


@router.mutation("deviceReport", permission=VIEWER, input=DeviceSpan, output=Written)
def device_report(call, *, device_id: int | str, **span):
    """A report on a device, as a page at once and as PDF behind the link, which is 202 while that is being made."""
    return _write(call, Kind.DEVICE, device_id=get_device(device_id).pk, **span)


@router.mutation("analyticsReport", permission=VIEWER, input=GroupSpan, output=Written)
def analytics_report(call, **about):
    """A report on the plant or a group: energy, OEE, stops, reliability and alerts; page and PDF as deviceReport."""
    return _write(call, Kind.ANALYTICS, **about)


@router.mutation("alertHistoryReport", permission=VIEWER, input=AlertSpan, output=Written)
def alert_history_report(call, **about):
    """A report on the alerts of a time, maybe of one severity; page and PDF as deviceReport."""
    return _write(call, Kind.ALERTS, **about)


@router.mutation("requestReport", permission=VIEWER, input=NewReport, output=ReportRow)
def ask_for_report(call, *, kind: str, start_time: int, end_time: int, language: str = ENGLISH, **about):
    """Any of these reports, made by a worker: `getReport` tells how far it is."""
    report = request_report(
        kind=kind,
        start=start_time,
        end=end_time,
        by=call.principal,
        at=timezone.now(),
        language=language,
        **_about(kind, **about),
    )
    return _shown(call, [report])[0]


@router.query("reports", permission=VIEWER, input=ReportFilter, output=ReportRow, many=True)
def reports(call, *, limit: int, offset: int, **wanted):
    """Reports that were asked for and have not expired, the newest first; `X-Total-Count` counts them all."""
    found = reports_matching(**wanted)
    call.set_header("X-Total-Count", str(found.count()))
    return _shown(call, list(found[offset : offset + limit]))


@router.query("getReport", permission=VIEWER, input=ById, output=ReportRow)
def one_report(call, *, id: int):
    """One report, how far it is, and what became of its mails."""
    return _shown(call, [get_report(id)])[0]


@router.mutation("cancelReport", permission=VIEWER, input=ById, output=ReportRow)
def stop_report(call, *, id: int):
    """Do not make it; a CONFLICT when it is made already."""
    cancel_report(report=get_report(id), by=call.principal, at=timezone.now())
    return _shown(call, [get_report(id)])[0]


@router.query("schedules", permission=VIEWER, output=ScheduleRow, many=True)
def list_schedules(call):
    """The reports that are made each day, week or month, and when next."""
    return schedules()


@router.mutation("scheduleReport", permission=TECHNICIAN, input=Planned, output=ScheduleRow)
def plan_report(call, *, device_id=None, group_id=None, severity=None, **planned):
    """Have a report made each day, week or month about the one before, and sent by e-mail."""
    about = _about(planned["kind"], device_id=device_id, group_id=group_id, severity=severity)
    return schedule_report(by=call.principal, at=timezone.now(), **planned, **about)


@router.mutation("updateSchedule", permission=TECHNICIAN, input=Changed, output=ScheduleRow)
def change_schedule(call, *, id: int, device_id=None, group_id=None, severity=None, **planned):
    """Have it done otherwise from now on; all of it is given."""
    about = _about(planned["kind"], device_id=device_id, group_id=group_id, severity=severity)
    return schedule_report(
        schedule=get_schedule(id), by=call.principal, at=timezone.now(), **planned, **about
    )


@router.mutation("deleteSchedule", permission=TECHNICIAN, input=ById, output=serializers.BooleanField())
def forget_schedule(call, *, id: int):
    """Make no more of them; those that were made stay until they expire."""
    drop_schedule(schedule=get_schedule(id))
    return True
