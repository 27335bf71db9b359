"""Every write of the room."""

from grouping.services.groups import (
    EDITABLE,
    GroupMisplaced,
    GroupNameTaken,
    GroupNotEmpty,
    add_devices,
    create_group,
    delete_group,
    edit_group,
    hold_members,
    lock_groups,
    remove_devices,
)

__all__ = [
    "EDITABLE",
    "GroupMisplaced",
    "GroupNameTaken",
    "GroupNotEmpty",
    "add_devices",
    "create_group",
    "delete_group",
    "edit_group",
    "hold_members",
    "lock_groups",
    "remove_devices",
]
