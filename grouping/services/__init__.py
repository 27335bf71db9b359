"""Every write of the room."""

from grouping.services.batch_steps import BatchMovedOn, cancel_batch, retry_failed
from grouping.services.batches import (
    DevicesMiscounted,
    IdempotencyKeyTaken,
    Preview,
    TooManyBatches,
    create_batch,
    preview_batch,
)
from grouping.services.filters import Found, preview_filter, refresh_members
from grouping.services.groups import (
    EDITABLE,
    GroupFillsItself,
    GroupMisplaced,
    GroupNameTaken,
    GroupNotEmpty,
    add_devices,
    create_group,
    delete_group,
    edit_group,
    remove_devices,
)
from grouping.services.locking import hold_members, lock_groups
from grouping.services.outcomes import settle_items
from grouping.services.own_operations import register_own_operations

__all__ = [
    "EDITABLE",
    "BatchMovedOn",
    "DevicesMiscounted",
    "Found",
    "GroupFillsItself",
    "GroupMisplaced",
    "GroupNameTaken",
    "GroupNotEmpty",
    "IdempotencyKeyTaken",
    "Preview",
    "TooManyBatches",
    "add_devices",
    "cancel_batch",
    "create_batch",
    "create_group",
    "delete_group",
    "edit_group",
    "hold_members",
    "lock_groups",
    "preview_batch",
    "preview_filter",
    "refresh_members",
    "register_own_operations",
    "remove_devices",
    "retry_failed",
    "settle_items",
]
