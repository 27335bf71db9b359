from devices.admin.claims import ClaimAdmin, ClaimCodeAdmin
from devices.admin.commands import CommandAdmin, CommandTypeAdmin
from devices.admin.configuration import ConfigurationAdmin, ConfigurationVersionAdmin
from devices.admin.devices import CredentialAdmin, DeviceAdmin, RefusedMessageAdmin, SilenceRuleAdmin
from devices.admin.types import TypeDefaultsAdmin

__all__ = [
    "ClaimAdmin",
    "ClaimCodeAdmin",
    "CommandAdmin",
    "CommandTypeAdmin",
    "ConfigurationAdmin",
    "ConfigurationVersionAdmin",
    "CredentialAdmin",
    "DeviceAdmin",
    "RefusedMessageAdmin",
    "SilenceRuleAdmin",
    "TypeDefaultsAdmin",
]
