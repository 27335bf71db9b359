import json
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from devices.models import Device
from factory.accounts.permissions import ADMIN, TECHNICIAN, VIEWER
from factory.errors import InvalidInput
from factory.trpc.router import Router
from factory.trpc.serializers import StrictBoolean, StrictInteger, StrictString, WireSerializer
from ota.links import file_address
from ota.models import Firmware
from ota.queries import firmware as queries
from ota.services import firmware as services

router = Router("firmware")


class FirmwareRow(WireSerializer):
    id = serializers.IntegerField()
    version = serializers.CharField()
    device_type = serializers.ChoiceField(Device.Type.choices)
    sequence = serializers.IntegerField()
    release_notes = serializers.CharField()
    hardware = serializers.ListField(child=serializers.CharField())
    file_url = serializers.SerializerMethodField()
    file_size = serializers.IntegerField(source="size")
    checksum = serializers.CharField()
    manifest = serializers.CharField()
    signature = serializers.CharField()
    is_stable = serializers.BooleanField()
    created_by = serializers.IntegerField(source="created_by_id", allow_null=True)
    created_at = serializers.DateTimeField()
    withdrawn_at = serializers.DateTimeField(allow_null=True)
    withdrawn_because = serializers.CharField()

    def get_file_url(self, firmware) -> str:
        return file_address(firmware)


class Boards(serializers.ListField):
    """Names of hardware; in a form, where all is text, as JSON or separated by commas."""

    child = StrictString(max_length=64)

    def to_internal_value(self, data: Any) -> list[str]:
        if isinstance(data, str):
            if data.lstrip().startswith("["):
                try:
                    data = json.loads(data)
                except ValueError:
                    raise serializers.ValidationError("Not a JSON array.") from None
            else:
                data = [name.strip() for name in data.split(",") if name.strip()]
        return super().to_internal_value(data)


class FirmwareFilter(WireSerializer):
    device_type = serializers.ChoiceField(Device.Type.choices, required=False)
    include_withdrawn = StrictBoolean(default=False)


class ById(WireSerializer):
    id = StrictInteger(min_value=1)


class NewFirmware(WireSerializer):
    """Beside the file as a form, or about a file that somebody else keeps as JSON."""

    file = serializers.FileField(required=False)
    file_url = StrictString(max_length=1000, required=False)
    checksum = StrictString(max_length=64, required=False)
    file_size = StrictInteger(min_value=1, required=False)
    version = StrictString(max_length=64)
    device_type = serializers.ChoiceField(Device.Type.choices)
    release_notes = StrictString(default="", allow_blank=True, trim_whitespace=False)
    is_stable = serializers.BooleanField(default=False)  # a form can only say "true"
    hardware = Boards(default=list)
    manifest = StrictString(max_length=10_000, default="", allow_blank=True)
    signature = StrictString(max_length=200, default="", allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "file" in attrs:
            also = [name for name in ("file_url", "checksum", "file_size") if name in attrs]
            if also:
                raise InvalidInput.at("file", "Either the file, or fileUrl, checksum and fileSize.")
        else:
            missing = [name for name in ("file_url", "checksum", "file_size") if name not in attrs]
            if len(missing) == 3:
                raise InvalidInput.at("file", "A form with the file, or fileUrl, checksum and fileSize.")
            if missing:
                raise serializers.ValidationError({name: ["This field is required."] for name in missing})
        return attrs


class Edit(ById):
    release_notes = StrictString(required=False, allow_blank=True, trim_whitespace=False)
    is_stable = StrictBoolean(required=False)
    hardware = serializers.ListField(child=StrictString(max_length=64), required=False)


class Withdrawal(ById):
    because = StrictString(max_length=services.LONGEST_REASON)


@router.query("list", permission=VIEWER, input=FirmwareFilter, output=FirmwareRow, many=True)
def list_firmware(call, *, include_withdrawn: bool, device_type: str | None = None):
    """Versions, the newest of each type first, without the withdrawn ones unless they are asked for."""
    found = queries.firmware_matching(device_type=device_type, include_withdrawn=include_withdrawn)
    return [_shown(call, firmware) for firmware in found]


@router.query("getById", permission=VIEWER, input=ById, output=FirmwareRow)
def get_by_id(call, *, id: int):
    """One version, withdrawn or not."""
    return _shown(call, queries.get_firmware(id))


def _shown(call, firmware: Firmware) -> Firmware:
    """Where somebody else keeps a file, the address may be the key to it: for those only who may fetch it."""
    if not TECHNICIAN.allows(call.identity):
        firmware.url = ""
    return firmware


@router.mutation("create", permission=TECHNICIAN, input=NewFirmware, output=FirmwareRow, accepts_form=True)
def create(call, *, file=None, file_url="", checksum="", file_size=0, **about):
    """Upload a version (multipart/form-data), or register one whose file lies elsewhere (JSON)."""
    about |= {"by": call.principal, "at": timezone.now()}
    if file is not None:
        return services.upload_firmware(file=file, **about)
    return services.register_external(url=file_url, checksum=checksum, size=file_size, **about)


@router.mutation("update", permission=TECHNICIAN, input=Edit, output=FirmwareRow)
def update(call, *, id: int, **changes):
    """Change release notes, the stable flag or, of an unsigned version, the hardware it is for."""
    return services.edit_firmware(firmware=queries.get_firmware(id), **changes)


@router.mutation("withdraw", permission=TECHNICIAN, input=Withdrawal, output=FirmwareRow)
def withdraw(call, *, id: int, because: str):
    """Offer a version to no device any more; what is under way to it and still safe to stop is cancelled."""
    firmware = queries.get_firmware(id)
    return services.withdraw_firmware(
        firmware=firmware, because=because, by=call.principal, at=timezone.now()
    )


@router.mutation("delete", permission=ADMIN, input=ById, output=serializers.BooleanField())
def delete(call, *, id: int) -> bool:
    """Remove a version that was never deployed; one that was is withdrawn instead."""
    services.delete_firmware(firmware=queries.get_firmware(id))
    return True
