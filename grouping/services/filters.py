"""Groups that fill themselves: their members are rows like those of others, put right whenever devices change."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple

from django.db import connection, transaction

from devices.filtering import Filter, FilterRefused, parse_filter
from devices.queries import sift_devices
from factory.retrying import again_after_deadlock
from grouping.models import Group, Membership
from grouping.services.locking import lock_groups
from grouping.signals import membership_changed

AT_ONCE = 1000  # rows in one statement


class Gap(NamedTuple):
    """Who is missing from a group's members, and who is among them without being found any more."""

    missing: frozenset[int]
    surplus: frozenset[int]


def refresh_members(
    *, at: datetime, group_ids: Iterable[int] | None = None, device_ids: Iterable[int] | None = None
) -> set[int]:
    """Have the groups with a filter contain what it finds; returns those whose members have changed.

    Narrowed to some groups, or to some devices, where only these can have changed. Where nothing differs,
    nothing is locked and nothing written.
    """
    groups = Group.objects.exclude(filter="")
    if group_ids is not None:
        groups = groups.filter(pk__in=list(group_ids))
    texts = dict(groups.order_by("pk").values_list("pk", "filter"))
    among = None if device_ids is None else sorted(set(device_ids))
    differing = list(_gaps(texts, among))
    if not differing:
        return set()
    if connection.in_atomic_block:  # whoever began the transaction does all of it again
        return _put_right(differing, among, at=at)
    return again_after_deadlock(partial(_put_right, differing, among, at=at))


@transaction.atomic
def _put_right(group_ids: Collection[int], among: list[int] | None, *, at: datetime) -> set[int]:
    """Look again with all groups held, since members or filters may have changed meanwhile, and write."""
    groups = lock_groups()
    texts = {pk: groups[pk].filter for pk in group_ids if pk in groups and groups[pk].filter}
    gaps = _gaps(texts, among)
    if not gaps:
        return set()
    # Who deletes a device or takes it out of service holds the groups first: all who were found are there.
    for group_id, gap in sorted(gaps.items()):
        Membership.objects.bulk_create(
            (Membership(group_id=group_id, device_id=device_id) for device_id in sorted(gap.missing)),
            batch_size=AT_ONCE,
        )
        gone = sorted(gap.surplus)
        for start in range(0, len(gone), AT_ONCE):
            Membership.objects.filter(group_id=group_id, device_id__in=gone[start : start + AT_ONCE]).delete()
    Group.objects.filter(pk__in=gaps).update(updated_at=at)
    for group_id in sorted(gaps):
        groups[group_id].updated_at = at
        membership_changed.send(sender=Group, group=groups[group_id], is_going=False)
    return set(gaps)


def _gaps(texts: Mapping[int, str], among: list[int] | None) -> dict[int, Gap]:
    """{group: what differs} of those where anything does; two queries for all of them."""
    filters = {group_id: found for group_id, text in texts.items() if (found := _read(text)) is not None}
    if not filters:
        return {}
    wanted = dict(zip(filters, sift_devices(filters.values(), among=among), strict=True))
    members: dict[int, set[int]] = {group_id: set() for group_id in filters}
    rows = Membership.objects.filter(group_id__in=filters)
    if among is not None:
        rows = rows.filter(device_id__in=among)
    for group_id, device_id in rows.values_list("group_id", "device_id"):
        members[group_id].add(device_id)
    gaps = {}
    for group_id, ids in wanted.items():
        gap = Gap(frozenset(ids) - members[group_id], frozenset(members[group_id] - set(ids)))
        if gap.missing or gap.surplus:
            gaps[group_id] = gap
    return gaps


def _read(text: str) -> Filter | None:
    """None for one that an older version of us understood, and this one does not: its members stay as they are."""
    try:
        return parse_filter(text)
    except FilterRefused:
        return None


@dataclass(frozen=True, slots=True)
class Found:
    """What a filter finds just now."""

    total: int
    device_ids: list[int]


def preview_filter(*, filter: str, limit: int) -> Found:
    """Who would be in a group with this filter; refuses a bad one."""
    [found] = sift_devices([parse_filter(filter)])
    return Found(len(found), found[:limit])
