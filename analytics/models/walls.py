from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from grouping.models import Group


class WallLink(models.Model):
    """Opens the wallboard, and nothing else, to whoever has it: a screen in a hall. We keep its hash only."""

    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=8, editable=False)  # its last characters, to tell links apart
    name = models.CharField(max_length=120)
    # What it shows; with neither, the whole plant. It goes with its group, for it must not show more than before.
    zone = models.CharField(max_length=64, blank=True)
    group = models.ForeignKey(Group, models.CASCADE, null=True, blank=True, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(zone="") | Q(group=None), name="wall_link_shows_one_thing")
        ]

    def __str__(self) -> str:
        return self.name

    def is_good(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > at)
