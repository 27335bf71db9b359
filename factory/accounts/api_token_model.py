"""What integrations show instead of a session."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from factory.accounts.models import User


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def alive(self, at: datetime) -> "ApiTokenQuerySet":
        return self.filter(revoked_at=None, expires_at__gt=at, user__is_active=True)


class ApiToken(models.Model):
    """Does part of what its owner may, until it expires or is revoked. Of the token itself only a digest is kept."""

    class Scope(models.TextChoices):
        READ = "read", _("Read only")
        OPERATE = "operate", _("Read and operate")
        FULL = "full", _("Everything the role may")

    user: "models.ForeignKey[User, User]" = models.ForeignKey(
        "accounts.User", models.CASCADE, related_name="api_tokens", verbose_name=_("person")
    )
    name = models.CharField(_("Name"), max_length=60)
    scope = models.CharField(_("scope"), max_length=16, choices=Scope)
    digest = models.CharField(max_length=64, unique=True)
    start = models.CharField(_("begins with"), max_length=16)  # to tell which one is meant; opens nothing
    created_at = models.DateTimeField(_("made"))
    expires_at = models.DateTimeField(_("good until"))
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    def __str__(self) -> str:
        return self.name
