from devices.models.claims import Claim, ClaimCode
from devices.models.commands import Command, CommandQuerySet, CommandType
from devices.models.configuration import Configuration, ConfigurationVersion
from devices.models.credentials import Credential, CredentialQuerySet
from devices.models.devices import EXTERNAL_ID, Device, DeviceQuerySet
from devices.models.fields import ExactCharField
from devices.models.history import StatusChange
from devices.models.imports import DeviceImport, DeviceImportQuerySet, ImportedDevice, ImportRefusal
from devices.models.presence import (
    LONGEST_TOLERANCE_SECONDS,
    SILENT_SECONDS,
    TOLERANCE_SECONDS,
    Presence,
    SilenceRule,
)
from devices.models.refused import RefusedMessage
from devices.models.types import TypeDefaults

__all__ = [
    "EXTERNAL_ID",
    "LONGEST_TOLERANCE_SECONDS",
    "SILENT_SECONDS",
    "TOLERANCE_SECONDS",
    "Claim",
    "ClaimCode",
    "Command",
    "CommandQuerySet",
    "CommandType",
    "Configuration",
    "ConfigurationVersion",
    "Credential",
    "CredentialQuerySet",
    "Device",
    "DeviceImport",
    "DeviceImportQuerySet",
    "DeviceQuerySet",
    "ExactCharField",
    "ImportRefusal",
    "ImportedDevice",
    "Presence",
    "RefusedMessage",
    "SilenceRule",
    "StatusChange",
    "TypeDefaults",
]
