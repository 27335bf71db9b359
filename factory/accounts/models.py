import uuid

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


def new_open_id() -> str:
    return uuid.uuid4().hex


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields) -> "User":
        """What `manage.py createsuperuser` calls."""
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

    objects = SessionQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Session {self.pk} of {self.user_id}"
