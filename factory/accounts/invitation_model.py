"""What lets somebody in who has no password yet."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Invitation(models.Model):
    """Somebody may make an account with this e-mail and this role, by a link that is good once.

    The link is signed and names this row and its round; nothing here opens anything by itself.
    """

    email = models.EmailField(_("E-mail"), max_length=190)
    name = models.CharField(_("Name"), max_length=150, blank=True)
    role = models.CharField(_("Role"), max_length=16)  # of User.Role, at the time
    invited_by = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="+", verbose_name=_("invited by")
    )
    created_at = models.DateTimeField(_("invited"))
    expires_at = models.DateTimeField(_("good until"))
    round = models.PositiveIntegerField(default=1)  # each new link ends the one before
    accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    # The e-mail while nobody has answered, else null: one open invitation for an e-mail, on every database.
    pending_for = models.CharField(max_length=190, unique=True, null=True, editable=False)  # noqa: DJ001

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")

    def __str__(self) -> str:
        return self.email
