"""How commands, batches and groups are written on a page."""

import json
from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext, pgettext

from analytics import writing
from analytics.queries.batch_pages import Told
from analytics.queries.group_pages import Branch
from analytics.queries.groups import GroupFigures
from analytics.templatetags.plant import briefly
from analytics.twin_rows import pretty
from analytics.words import said
from devices.models import ClaimCode, Command
from factory.errors import InvalidInput
from factory.said import retold
from grouping.models import BatchItem, BatchOperation
from grouping.operations import get_operation
from ota.models import Firmware

register = template.Library()
register.filter("pretty", pretty)


@register.filter
def compact(value: Any, length: int = 80) -> str:
    """JSON on one line, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= length else text[: length - 1] + "…"


@register.filter
def firmware_words(firmware: Firmware) -> str:
    """Which version it is, and of what: `2.1.0 for sensors`."""
    told = {"version": firmware.version, "type": said(firmware.get_device_type_display().lower())}
    return gettext("%(version)s for %(type)ss") % told


@register.filter
def firmware_filter(version: str) -> str:
    """A filter that finds the devices with this version."""
    return f"firmware = {json.dumps(version, ensure_ascii=False)}"


@register.filter
def command_mark(command: Command) -> str:
    return {"failed": "warning", "expired": "offline"}.get(command.status, "normal")


@register.filter
def command_words(command: Command) -> str:
    """What a state means here: what is waited for, or since when it is over."""
    status = Command.Status(command.status)
    if status in (Command.Status.SUCCEEDED, Command.Status.FAILED, Command.Status.EXPIRED):
        return briefly(command.updated_at)
    until = gettext("until %(time)s") % {"time": briefly(command.expires_at)}
    if status is Command.Status.ACKNOWLEDGED:
        return gettext("it is at it, %(until)s") % {"until": until}
    if status is Command.Status.QUEUED:
        if command.push_at:
            return gettext("goes out now")
        return gettext("waits for it to be back, %(until)s") % {"until": until}
    if command.push_at:
        return gettext("no answer yet, goes out again")
    return gettext("no answer yet, %(until)s") % {"until": until}


ITEM_WORDS = {
    BatchItem.Status.PENDING: gettext_lazy("Not begun"),
    BatchItem.Status.WORKING: gettext_lazy("In work"),
    BatchItem.Status.WAITING: gettext_lazy("Waiting for the device"),
    BatchItem.Status.SUCCEEDED: gettext_lazy("Done"),
    BatchItem.Status.FAILED: gettext_lazy("Failed"),
    BatchItem.Status.CANCELLED: gettext_lazy("Cancelled"),
}
ITEM_MARKS = {
    BatchItem.Status.FAILED: "warning",
    BatchItem.Status.PENDING: "offline",
    BatchItem.Status.CANCELLED: "maintenance",
}
BATCH_WORDS = {
    BatchOperation.Status.PENDING: gettext_lazy("About to begin"),
    BatchOperation.Status.IN_PROGRESS: gettext_lazy("Going on"),
    BatchOperation.Status.COMPLETED: gettext_lazy("Over"),
    BatchOperation.Status.FAILED: gettext_lazy("Failed"),
    BatchOperation.Status.CANCELLED: gettext_lazy("Cancelled"),
}


@register.filter
def item_words(status: str) -> str:
    return str(ITEM_WORDS[BatchItem.Status(status)])


@register.filter
def item_mark(status: str) -> str:
    return ITEM_MARKS.get(BatchItem.Status(status), "normal")


@register.filter
def batch_words(status: str) -> str:
    return str(BATCH_WORDS[BatchOperation.Status(status)])


@register.filter
def is_over(at: Any) -> bool:
    """Whether a moment is past; never, where there is none."""
    return at is not None and at <= timezone.now()


@register.filter
def how_they_are(branch: Branch) -> str:
    """The devices of a group in a few words: what is not as it should be, or that nothing is."""
    told = [
        ngettext("%(count)s alert", "%(count)s alerts", branch.alerts)
        % {"count": writing.number(branch.alerts)}
        if branch.alerts
        else "",
        gettext("%(count)s in error") % {"count": writing.number(branch.in_error)} if branch.in_error else "",
        gettext("%(count)s offline") % {"count": writing.number(branch.away)} if branch.away else "",
        gettext("%(count)s in maintenance") % {"count": writing.number(branch.in_maintenance)}
        if branch.in_maintenance
        else "",
    ]
    return ", ".join(filter(None, told)) or gettext("all online")


@register.filter
def active_alerts(figures: GroupFigures) -> int:
    return sum(figures.alerts.values())


@register.filter
def batch_title(batch: BatchOperation) -> str:
    """What is done, in the words of whoever brought the operation."""
    name = batch.parameters.get("name", "")
    if batch.operation == "command" and name:
        return gettext("Command %(name)s") % {"name": name}
    try:
        return said(get_operation(batch.operation).label)
    except InvalidInput:  # a room that is not there any more
        return batch.operation


@register.filter
def batch_how(batch: BatchOperation) -> dict[str, Any]:
    """What the devices were given: of a command its own parameters, without the name that stands above."""
    given = dict(batch.parameters)
    if batch.operation in ("command", "restart"):
        given.pop("name", None)
        given.update(given.pop("parameters", None) or {})
    return given


@register.filter
def how_far(told: Told) -> str:
    """A batch in a sentence: the answer first."""
    counts, batch = told.counts, told.batch
    numbers = {
        name: writing.number(getattr(counts, name))
        for name in ("unfinished", "finished", "total", "succeeded", "failed")
    }
    if batch.completed_at is None:
        if batch.status == BatchOperation.Status.CANCELLED:
            return gettext("cancelled, %(unfinished)s still on their way") % numbers
        return (
            gettext("%(finished)s of %(total)s are over") % numbers if counts.finished else gettext("begun")
        )
    if batch.status == BatchOperation.Status.CANCELLED:
        return gettext("cancelled, %(succeeded)s done") % numbers
    if not counts.failed:
        return gettext("done") if counts.total == 1 else gettext("all %(total)s done") % numbers
    return gettext("%(failed)s of %(total)s failed") % numbers


@register.filter
def item_reason(item: BatchItem) -> str:
    """Why it failed, or what it waits for."""
    if item.error:
        return retold(item.error)
    if item.status != BatchItem.Status.WAITING:
        return "–"
    if item.command is None:
        return gettext("until %(time)s") % {"time": briefly(item.deadline_at)} if item.deadline_at else "–"
    return command_words(item.command)


TILE = '<i data-segment="{}" title="{}: {}"></i>'


@register.simple_tag
def batch_map(tiles: list[tuple[int, str, str]]) -> SafeString:
    """A mark per device, without a template: there may be a thousand."""
    return format_html_join("", TILE, ((status, name, item_words(status)) for _, name, status in tiles))


@register.filter
def claim_state(code: ClaimCode, at: datetime) -> str:
    """Whether somebody may still come by it, and if not, why."""
    if code.revoked_at is not None:
        return gettext("Revoked")
    if code.expires_at is not None and code.expires_at <= at:
        return gettext("Expired")
    return gettext("Used up") if code.uses >= code.max_uses else pgettext("a claim code", "Good")


@register.filter
def claim_becomes(code: ClaimCode) -> str:
    """What becomes of the devices that come by it."""
    told = [
        said(code.get_device_type_display()),
        gettext("in %(zone)s") % {"zone": code.zone} if code.zone else "",
        ", ".join(code.tags),
        gettext("ids %(prefix)s…") % {"prefix": code.device_id_prefix} if code.device_id_prefix else "",
    ]
    return " · ".join(filter(None, told)) or gettext("as the device says")
