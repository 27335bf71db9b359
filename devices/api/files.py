from django.utils import timezone
from rest_framework import serializers

from devices import queries, services
from devices.api.devices import Narrowing
from factory.accounts.permissions import TECHNICIAN, VIEWER
from factory.trpc.download import Download
from factory.trpc.router import Router
from factory.trpc.serializers import StrictBoolean, StrictString, WireSerializer

router = Router("devices")


class ImportInput(WireSerializer):
    csv = StrictString(trim_whitespace=False, allow_blank=True)
    dry_run = StrictBoolean(default=False)
    update = StrictBoolean(default=True)  # type: ignore[assignment]  # a field called update
    skip_bad = StrictBoolean(default=False)


class RowTrouble(WireSerializer):
    row = serializers.IntegerField()  # type: ignore[assignment]  # a field called row
    field = serializers.CharField()
    message = serializers.CharField()


class NewToken(WireSerializer):
    device_id = serializers.CharField()
    token = serializers.CharField()


class Imported(WireSerializer):
    rows = serializers.IntegerField()  # type: ignore[assignment]  # a field called rows
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    bad = serializers.IntegerField()
    written = serializers.BooleanField()
    errors = RowTrouble(many=True)  # type: ignore[assignment]  # a field called errors
    tokens = NewToken(many=True)


@router.query("exportCsv", permission=VIEWER, input=Narrowing, downloads=True)
def export_csv(call, *, group_id: int | None = None, **wanted):
    """The devices that `devices.list` would find as a CSV file, which `devices.importCsv` reads; never in a batch."""
    found = queries.devices_matching(groupId=group_id, **wanted)
    pieces = services.devices_as_csv(devices=found)
    return Download("devices.csv", "text/csv; charset=utf-8; header=present", pieces)


@router.mutation("importCsv", permission=TECHNICIAN, input=ImportInput, output=Imported)
def import_csv(call, *, csv: str, dry_run: bool, update: bool, skip_bad: bool):
    """Add devices from a CSV file and change those that exist; nothing is written where a row is bad, unless `skipBad`.

    `dryRun` says what would become of it. The answer carries the tokens of new devices, this once.
    """
    told = services.import_devices(
        text=csv, at=timezone.now(), dry_run=dry_run, update=update, skip_bad=skip_bad
    )
    return {
        "rows": told.rows,
        "created": told.created,
        "updated": told.updated,
        "unchanged": told.unchanged,
        "bad": told.bad,
        "written": told.written,
        "errors": told.errors,
        "tokens": [{"device_id": external_id, "token": token} for external_id, token in told.tokens],
    }
