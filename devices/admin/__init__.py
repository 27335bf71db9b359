from devices.admin.devices import CredentialAdmin, DeviceAdmin, RefusedMessageAdmin, SilenceRuleAdmin

__all__ = ["CredentialAdmin", "DeviceAdmin", "RefusedMessageAdmin", "SilenceRuleAdmin"]
