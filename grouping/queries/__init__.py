from grouping.queries.groups import (
    GroupUnknown,
    devices_within,
    get_group,
    group_tree,
    groups_matching,
    groups_of_device,
    groups_of_devices,
    members_of,
    narrow_to_group,
)

__all__ = [
    "GroupUnknown",
    "devices_within",
    "get_group",
    "group_tree",
    "groups_matching",
    "groups_of_device",
    "groups_of_devices",
    "members_of",
    "narrow_to_group",
]
