from collections.abc import Iterable

from grouping.models import Group


def lock_groups() -> dict[int, Group]:
    """Every group as it is now, held until the transaction ends.

    There are few, and who is in which depends on all of them: whoever changes that goes one after the other.
    Whoever locks devices as well locks groups first.
    """
    # All columns: by an index of some, InnoDB would lock in another order than that of the keys.
    return {group.pk: group for group in Group.objects.select_for_update().order_by("pk")}


def hold_members(*, device_ids: Iterable[int]) -> None:
    """Who deletes devices waits for those who are putting them into groups, and they for him."""
    lock_groups()
