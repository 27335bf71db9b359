"""Every write of the room."""

from devices.services.credentials import connection_name, issue_token, revoke_token, rotate_token
from devices.services.registry import (
    EDITABLE,
    TAG_LENGTH,
    TAGS_LIMIT,
    DeviceIdTaken,
    delete_devices,
    edit_device,
    hold_before_deleting,
    register_device,
    why_misshapen,
)
from devices.services.silence import (
    STATUS_STREAM,
    broadcast_status,
    go_offline,
    move_status,
    note_seen,
    notice_silent_devices,
)
from devices.services.silence_rules import forget_silence_rule, set_silence_rule

__all__ = [
    "EDITABLE",
    "STATUS_STREAM",
    "TAGS_LIMIT",
    "TAG_LENGTH",
    "DeviceIdTaken",
    "broadcast_status",
    "connection_name",
    "delete_devices",
    "edit_device",
    "forget_silence_rule",
    "go_offline",
    "hold_before_deleting",
    "issue_token",
    "move_status",
    "note_seen",
    "notice_silent_devices",
    "register_device",
    "revoke_token",
    "rotate_token",
    "set_silence_rule",
    "why_misshapen",
]
