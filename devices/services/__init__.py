"""Every write of the room."""

from devices.services.changes import tell_of_changes
from devices.services.claims import (
    MOST_USES,
    ClaimCodeUnknown,
    ClaimRefused,
    claim_device,
    create_claim_code,
    revoke_claim_code,
    why_no_claim_code,
)
from devices.services.command_answers import Ack, CommandMovedOn, CommandUnknown, ForeignCommand, hear_acks
from devices.services.command_types import check_command, delete_command_type, set_command_type, why_unusable
from devices.services.commands import (
    CommandKeyTaken,
    EndedCommand,
    Order,
    end_commands_of,
    expire_commands,
    send_commands,
    withdraw_commands,
)
from devices.services.configuration import (
    ConfigurationMoved,
    ReportOutOfOrder,
    follow_return,
    report_configuration,
    set_desired,
    set_desired_many,
    why_no_configuration,
)
from devices.services.credentials import (
    LONGEST_OVERLAP,
    CredentialUnknown,
    TooManyTokens,
    add_token,
    connection_name,
    issue_token,
    revoke_credential,
    revoke_token,
    rotate_token,
)
from devices.services.delivering import (
    Push,
    hand_over_pending,
    take_due_pushes,
    take_pushes_of,
    wake_commands,
    wake_forgotten,
)
from devices.services.device_files import Import, RowError, devices_as_csv, import_devices
from devices.services.drift import notice_drift
from devices.services.hearing import hear_from
from devices.services.knocking import ERRANDS_SHARDS, ERRANDS_STREAM, knock_on_commit
from devices.services.registry import (
    EDITABLE,
    DeviceIdTaken,
    delete_devices,
    edit_device,
    hold_before_deleting,
    register_device,
)
from devices.services.retiring import DeviceInService, deactivate_devices, reactivate_device
from devices.services.returning import give_on_return, welcome_back
from devices.services.silence import (
    go_offline,
    move_status,
    note_seen,
    notice_silent_devices,
)
from devices.services.silence_rules import forget_silence_rule, set_silence_rule
from devices.services.status_history import STATUS_STREAM, forget_old_statuses, note_status
from devices.services.types import METRICS_LIMIT, set_type_defaults, why_no_defaults
from devices.shapes import TAG_LENGTH, TAGS_LIMIT, why_misshapen

give_on_return(wake_commands)
give_on_return(follow_return)

__all__ = [
    "EDITABLE",
    "ERRANDS_SHARDS",
    "ERRANDS_STREAM",
    "LONGEST_OVERLAP",
    "METRICS_LIMIT",
    "MOST_USES",
    "STATUS_STREAM",
    "TAGS_LIMIT",
    "TAG_LENGTH",
    "Ack",
    "ClaimCodeUnknown",
    "ClaimRefused",
    "CommandKeyTaken",
    "CommandMovedOn",
    "CommandUnknown",
    "ConfigurationMoved",
    "CredentialUnknown",
    "DeviceIdTaken",
    "DeviceInService",
    "EndedCommand",
    "ForeignCommand",
    "Import",
    "Order",
    "Push",
    "ReportOutOfOrder",
    "RowError",
    "TooManyTokens",
    "add_token",
    "check_command",
    "claim_device",
    "connection_name",
    "create_claim_code",
    "deactivate_devices",
    "delete_command_type",
    "delete_devices",
    "devices_as_csv",
    "edit_device",
    "end_commands_of",
    "expire_commands",
    "follow_return",
    "forget_old_statuses",
    "forget_silence_rule",
    "go_offline",
    "hand_over_pending",
    "hear_acks",
    "hear_from",
    "hold_before_deleting",
    "import_devices",
    "issue_token",
    "knock_on_commit",
    "move_status",
    "note_seen",
    "note_status",
    "notice_drift",
    "notice_silent_devices",
    "reactivate_device",
    "register_device",
    "report_configuration",
    "revoke_claim_code",
    "revoke_credential",
    "revoke_token",
    "rotate_token",
    "send_commands",
    "set_command_type",
    "set_desired",
    "set_desired_many",
    "set_silence_rule",
    "set_type_defaults",
    "take_due_pushes",
    "take_pushes_of",
    "tell_of_changes",
    "wake_commands",
    "wake_forgotten",
    "welcome_back",
    "why_misshapen",
    "why_no_claim_code",
    "why_no_configuration",
    "why_no_defaults",
    "why_unusable",
    "withdraw_commands",
]
