import uuid

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from factory.accounts import passwords
from factory.accounts.api_token_model import ApiToken  # noqa: F401 -- Django looks for models here
from factory.accounts.invitation_model import Invitation  # noqa: F401 -- Django looks for models here
from factory.sealed import SealedText


def new_open_id() -> str:
    return uuid.uuid4().hex


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields) -> "User":
        """What `manage.py createsuperuser` calls; it looks at passwords itself only where somebody types one."""
        draft = self.model(email=email, name=fields.get("name", ""))
        try:
            passwords.accepted(password or "", person=draft)
        except passwords.PasswordRefused as refusal:
            raise ValidationError(refusal.fields["password"]) from None
        return self.create_user(email, password, **{"role": User.Role.ADMIN, **fields})

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """A person. What they may do is their role; there are no single permissions to hand out."""

    class Role(models.TextChoices):
        USER = "user", _("Viewer")
        OPERATOR = "operator", _("Operator")
        TECHNICIAN = "technician", _("Technician")
        ADMIN = "admin", pgettext_lazy("role", "Admin")

        @property
        def rank(self) -> int:
            return list(type(self)).index(self)

    class Theme(models.TextChoices):
        SYSTEM = "system", _("System")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")
        CONTRAST = "contrast", _("High contrast")

    class StartPage(models.TextChoices):
        """Where one comes to after signing in: names of pages."""

        OVERVIEW = "overview", _("Overview")
        ALERTS = "alerts", _("Alerts")
        DEVICES = "devices", _("Devices")
        GROUPS = "groups", _("Groups")
        BATCHES = "batches", _("Batches")
        FIRMWARE = "firmware", _("Firmware")
        PERFORMANCE = "performance", _("Performance")
        ENERGY = "energy", _("Energy")
        OEE = "oee", _("OEE")
        REPORTS = "reports", _("Reports")

    email = models.EmailField(unique=True, max_length=190)
    open_id = models.CharField(max_length=64, unique=True, default=new_open_id, editable=False)
    name = models.CharField(max_length=150, blank=True)
    role = models.CharField(max_length=16, choices=Role, default=Role.USER)
    is_active = models.BooleanField("may sign in", default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # How pages are shown to them. With defaults of the database, for a version before.
    theme = models.CharField(max_length=16, choices=Theme, default=Theme.SYSTEM, db_default=Theme.SYSTEM)
    language = models.CharField(max_length=8, blank=True, default="", db_default="")  # "": the browser's
    time_zone = models.CharField(max_length=64, blank=True, default="", db_default="")  # "": the plant's
    start_page = models.CharField(
        max_length=32, choices=StartPage, default=StartPage.OVERVIEW, db_default=StartPage.OVERVIEW
    )
    shortcuts = models.BooleanField("keyboard shortcuts", default=True, db_default=True)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = []

    def __str__(self) -> str:
        return self.name or self.email

    def has_rank_of(self, role: "User.Role") -> bool:
        """Each role may do all that the ones before it may."""
        return self.is_active and User.Role(self.role).rank >= role.rank

    @property
    def is_staff(self) -> bool:
        return self.has_rank_of(User.Role.ADMIN)

    is_superuser = is_staff

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return self.is_staff

    def has_perms(self, perm_list, obj: object = None) -> bool:
        return self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_staff


class SessionQuerySet(models.QuerySet["Session"]):
    def alive(self, at) -> "SessionQuerySet":
        return self.filter(revoked_at=None, expires_at__gt=at, user__is_active=True)


class Session(models.Model):
    """One sign-in. The JWT in the browser names it; without this row alive, the JWT is worth nothing."""

    user = models.ForeignKey(User, models.CASCADE, related_name="sessions")
    token_id = models.CharField(max_length=64, unique=True)
    address = models.CharField(max_length=64, blank=True)
    agent = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)  # kept only where an idle session ends

    objects = SessionQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Session {self.pk} of {self.user_id}"


class SecondFactor(models.Model):
    """The authenticator app of a person. Asked for when signing in once a first code has confirmed it."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="second_factor")
    secret = SealedText()
    begun_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    last_step = models.BigIntegerField(default=0)  # of the newest code that was taken: it only ever rises

    def __str__(self) -> str:
        return f"Second factor of {self.user_id}"


class RecoveryCode(models.Model):
    """Opens once what the lost app would open. Only its digest is kept."""

    factor = models.ForeignKey(SecondFactor, models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["factor", "digest"], name="one_recovery_code_once")]

    def __str__(self) -> str:
        return f"Recovery code {self.pk}"


class AuditUnchangeable(TypeError):
    """What is in the audit log stays as it was written."""


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    """Read, and added to. Only age takes an entry away, by `factory.accounts.audit`."""

    def update(self, **values) -> int:
        raise AuditUnchangeable("Entries of the audit log are not changed.")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise AuditUnchangeable("Entries of the audit log are not deleted.")

    def _expire(self) -> int:
        return super().delete()[0]


class AuditEntry(models.Model):
    """Somebody changed something, or was refused. Names are copies: they outlive whom they name."""

    class Source(models.TextChoices):
        PAGE = "page", _("Page")
        ADMIN = "admin", _("Admin")
        API = "api", _("API")
        SOCKET = "socket", _("WebSocket")
        CONSOLE = "console", _("Command line")

    class Outcome(models.TextChoices):
        DONE = "done", _("Done")
        REFUSED = "refused", _("Refused")
        FAILED = "failed", _("Failed")

    at = models.DateTimeField(_("time"), db_index=True)
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(_("who"), max_length=190, blank=True)
    # The API token that spoke for them. With a default of the database, for a version before.
    by_token = models.CharField(_("by API token"), max_length=100, blank=True, default="", db_default="")
    source = models.CharField(_("by way of"), max_length=8, choices=Source)
    action = models.CharField(_("action"), max_length=100)
    outcome = models.CharField(_("outcome"), max_length=8, choices=Outcome)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    target_kind = models.CharField(_("kind of object"), max_length=64, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    target_label = models.CharField(_("object"), max_length=200, blank=True)
    asked = models.JSONField(_("what was asked"), default=dict)
    before = models.JSONField(_("before"), default=dict)
    after = models.JSONField(_("after"), default=dict)
    address = models.CharField(_("address"), max_length=64, blank=True)
    request_id = models.CharField(_("request"), max_length=64, blank=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        indexes = [
            models.Index(fields=["actor_id", "id"], name="audit_of_an_actor"),
            models.Index(fields=["target_kind", "target_id", "id"], name="audit_of_a_target"),
            models.Index(fields=["action", "id"], name="audit_of_an_action"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_label or self.target_id}".strip()

    def save(self, *args, **kwargs) -> None:
        if self.pk is not None:
            raise AuditUnchangeable("Entries of the audit log are not changed.")
        super().save(*args, **kwargs)

    def delete(self, *args, **kwargs) -> tuple[int, dict[str, int]]:
        raise AuditUnchangeable("Entries of the audit log are not deleted.")
