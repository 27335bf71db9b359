"""How commands, batches and groups are written on a page."""

import json
from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from analytics.queries.batch_pages import Told
from analytics.queries.group_pages import Branch
from analytics.queries.groups import GroupFigures
from analytics.templatetags.plant import briefly
from analytics.twin_rows import pretty
from devices.models import ClaimCode, Command
from factory.errors import InvalidInput
from factory.said import retold
from grouping.models import BatchItem, BatchOperation
from grouping.operations import get_operation

register = template.Library()
register.filter("pretty", pretty)


@register.filter
def compact(value: Any, length: int = 80) -> str:
    """JSON on one line, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= length else text[: length - 1] + "…"


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
    until = f"until {briefly(command.expires_at)}"
    if status is Command.Status.ACKNOWLEDGED:
        return f"it is at it, {until}"
    if status is Command.Status.QUEUED:
        return "goes out now" if command.push_at else f"waits for it to be back, {until}"
    return "no answer yet, goes out again" if command.push_at else f"no answer yet, {until}"


ITEM_WORDS = {
    BatchItem.Status.PENDING: "Not begun",
    BatchItem.Status.WORKING: "In work",
    BatchItem.Status.WAITING: "Waiting for the device",
    BatchItem.Status.SUCCEEDED: "Done",
    BatchItem.Status.FAILED: "Failed",
    BatchItem.Status.CANCELLED: "Cancelled",
}
ITEM_MARKS = {
    BatchItem.Status.FAILED: "warning",
    BatchItem.Status.PENDING: "offline",
    BatchItem.Status.CANCELLED: "maintenance",
}
BATCH_WORDS = {
    BatchOperation.Status.PENDING: "About to begin",
    BatchOperation.Status.IN_PROGRESS: "Going on",
    BatchOperation.Status.COMPLETED: "Over",
    BatchOperation.Status.FAILED: "Failed",
    BatchOperation.Status.CANCELLED: "Cancelled",
}


@register.filter
def item_words(status: str) -> str:
    return ITEM_WORDS[BatchItem.Status(status)]


@register.filter
def item_mark(status: str) -> str:
    return ITEM_MARKS.get(BatchItem.Status(status), "normal")


@register.filter
def batch_words(status: str) -> str:
    return BATCH_WORDS[BatchOperation.Status(status)]


@register.filter
def is_over(at: Any) -> bool:
    """Whether a moment is past; never, where there is none."""
    return at is not None and at <= timezone.now()


@register.filter
def how_they_are(branch: Branch) -> str:
    """The devices of a group in a few words: what is not as it should be, or that nothing is."""
    told = [
        f"{branch.alerts:,} alert{'' if branch.alerts == 1 else 's'}" if branch.alerts else "",
        f"{branch.in_error:,} in error" if branch.in_error else "",
        f"{branch.away:,} offline" if branch.away else "",
        f"{branch.in_maintenance:,} in maintenance" if branch.in_maintenance else "",
    ]
    return ", ".join(filter(None, told)) or "all online"


@register.filter
def active_alerts(figures: GroupFigures) -> int:
    return sum(figures.alerts.values())


@register.filter
def batch_title(batch: BatchOperation) -> str:
    """What is done, in the words of whoever brought the operation."""
    name = batch.parameters.get("name", "")
    if batch.operation == "command" and name:
        return f"Command {name}"
    try:
        return get_operation(batch.operation).label
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
    if batch.completed_at is None:
        if batch.status == BatchOperation.Status.CANCELLED:
            return f"cancelled, {counts.unfinished:,} still on their way"
        return f"{counts.finished:,} of {counts.total:,} are over" if counts.finished else "begun"
    if batch.status == BatchOperation.Status.CANCELLED:
        return f"cancelled, {counts.succeeded:,} done"
    if not counts.failed:
        return "done" if counts.total == 1 else f"all {counts.total:,} done"
    return f"{counts.failed:,} of {counts.total:,} failed"


@register.filter
def item_reason(item: BatchItem) -> str:
    """Why it failed, or what it waits for."""
    if item.error:
        return retold(item.error)
    if item.status != BatchItem.Status.WAITING:
        return "–"
    if item.command is None:
        return f"until {briefly(item.deadline_at)}" if item.deadline_at else "–"
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
        return "Revoked"
    if code.expires_at is not None and code.expires_at <= at:
        return "Expired"
    return "Used up" if code.uses >= code.max_uses else "Good"


@register.filter
def claim_becomes(code: ClaimCode) -> str:
    """What becomes of the devices that come by it."""
    told = [
        code.get_device_type_display(),
        f"in {code.zone}" if code.zone else "",
        ", ".join(code.tags),
        f"ids {code.device_id_prefix}…" if code.device_id_prefix else "",
    ]
    return " · ".join(filter(None, told)) or "as the device says"
