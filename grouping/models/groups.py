from django.db import models
from django.utils.translation import gettext_lazy

from devices.models import Device, ExactCharField


class GroupQuerySet(models.QuerySet["Group"]):
    def with_members(self) -> "GroupQuerySet":
        return self.prefetch_related("memberships")


class Group(models.Model):
    """Devices that people speak of as one. Groups nest: who is in a group is in all that it is inside of."""

    class Type(models.TextChoices):
        ZONE = "zone", gettext_lazy("Zone")
        PRODUCTION_LINE = "production_line", gettext_lazy("Production Line")
        DEPARTMENT = "department", gettext_lazy("Department")
        CUSTOM = "custom", gettext_lazy("Custom")

    name = ExactCharField(max_length=120, unique=True)
    type = models.CharField(max_length=16, choices=Type)
    description = models.CharField(max_length=500, blank=True)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name="inside of"
    )
    # A query (devices/filtering.py) that says who is in it. Empty: people put devices in and take them out.
    filter = models.TextField(blank=True, default="", max_length=2000)
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = GroupQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    @property
    def device_ids(self) -> list[int]:
        """Its own members, ascending, without those of the groups in it. No query on groups `with_members`."""
        return sorted(membership.device_id for membership in self.memberships.all())


class Membership(models.Model):
    """A device in a group, put there by itself (by a person, or by the group's filter) and not by nesting."""

    group = models.ForeignKey(Group, models.CASCADE, related_name="memberships")
    device = models.ForeignKey(Device, models.CASCADE, related_name="memberships")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["group", "device"], name="one_membership_per_group_device")
        ]

    def __str__(self) -> str:
        return f"Device {self.device_id} in group {self.group_id}"
