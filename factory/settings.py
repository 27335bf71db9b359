"""One settings file. Everything a plant may set comes from the environment; docs/settings.md is its table.

The defaults are the embedded mode: SQLite, a private Valkey socket, no other service. Wrong values
stop the start with the name and the reason.
"""

import hashlib
import os
import re
import secrets
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import dj_database_url
import dj_email_url
from redis.backoff import NoBackoff
from redis.retry import Retry

from factory.admin_menu import UNFOLD as UNFOLD
from factory.env import Env, refuse
from factory.limits.addresses import read_networks
from factory.storage_url import BadStorage, storage_for

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"
env = Env()

# Where things are

FACTORY_DATA = env.folder("FACTORY_DATA", BASE_DIR / "var")
HOST = env.text("HOST", "127.0.0.1")
PORT = env.integer("PORT", 8000, low=1, high=65535)
if HOST in {"0.0.0.0", "::", ""} and not env.text("PUBLIC_URL"):
    raise refuse(
        "HOST", HOST, "enough: say in PUBLIC_URL by which address the others come, http://plant.local:8000"
    )
_host = f"[{HOST}]" if ":" in HOST else HOST
PUBLIC_URL = env.url("PUBLIC_URL", f"http://{_host}:{PORT}", {"http", "https"}).rstrip("/")
ALLOWED_ORIGINS = env.origins("ALLOWED_ORIGINS")
ALLOWED_HOSTS = sorted({urlsplit(PUBLIC_URL).hostname or HOST, _host, "localhost", "127.0.0.1", "[::1]"})
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL, *ALLOWED_ORIGINS]


def kept_secret(path: Path) -> str:
    """The key in the data folder, made on first use and readable by its owner only."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and linked into place, so that of several processes starting at once one wins whole.
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as draft:
        draft.write(secrets.token_urlsafe(50))
    try:
        os.link(draft.name, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft.name)
    return path.read_text().strip()


def kept_lines(path: Path) -> list[str]:
    """What stands in a file of the data folder, line by line; nothing where there is none."""
    return path.read_text().split() if path.is_file() else []


SECRET_KEY = env.text("SECRET_KEY") or kept_secret(FACTORY_DATA / "secret_key")
# Keys of before, by which is still read what they have sealed or signed (docs/secrets.md).
SECRET_KEY_FALLBACKS = [
    *env.words("SECRET_KEY_FALLBACKS"),
    *kept_lines(FACTORY_DATA / "secret_key_fallbacks"),
]
DEBUG = env.flag("DEBUG", default=False)
ROOT_URLCONF = "factory.urls"
WSGI_APPLICATION = "factory.wsgi.application"
ASGI_APPLICATION = "factory.asgi.application"

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "factory",
    "factory.live",
    "factory.accounts",
    "devices",
    "grouping",  # before telemetry: who deletes devices locks groups first
    "telemetry",
    "alerts",
    "ota",
    "analytics",
]

MIDDLEWARE = [
    "factory.web_safety.SafeHeaders",
    "django.middleware.security.SecurityMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "factory.limiting.CountedRequests",
    "factory.smaller.Smaller",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "factory.middleware.NamedRoute",
    "factory.accounts.middleware.SignedInPerson",
    "factory.accounts.middleware.SpokenLanguage",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "factory.accounts.witness.AuditedForms",
    "factory.accounts.second_factor_pages.EnrolFirst",
    "factory.middleware.EndsInTime",
    "factory.middleware.PostsTryAgain",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["factory.said_tags"],
        },
    }
]

# Storage

DATABASE_URL = env.url("DATABASE_URL", f"sqlite:///{FACTORY_DATA / 'factory.sqlite3'}", {"sqlite", "mysql"})
DB_TIMEOUT = env.integer("DB_TIMEOUT", 10, low=1, high=600)
DB_ANSWER_TIMEOUT = env.integer("DB_ANSWER_TIMEOUT", 3, low=1, high=60)
DATABASES: dict[str, dict[str, Any]] = {
    "default": dict(dj_database_url.parse(DATABASE_URL, conn_max_age=600, conn_health_checks=True))
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    FACTORY_DATA.mkdir(parents=True, exist_ok=True)
    DATABASES["default"]["OPTIONS"] = {
        "timeout": DB_TIMEOUT,
        # Taking the write lock at BEGIN is what lets several processes wait instead of failing half way.
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
else:
    DATABASES["default"]["ENGINE"] = "factory.mariadb"
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        charset="utf8mb4",
        isolation_level="read committed",
        init_command=(
            "SET sql_mode='STRICT_TRANS_TABLES,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',"
            f" max_statement_time={DB_TIMEOUT}, innodb_lock_wait_timeout={DB_TIMEOUT}"
        ),
    )
    DATABASES["default"]["TEST"] = {"CHARSET": "utf8mb4", "COLLATION": "utf8mb4_unicode_ci"}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Files: archived readings, uploads

STORAGE_URL = env.url("STORAGE_URL", f"file://{quote(str(FACTORY_DATA / 'storage'))}", {"file", "s3"})
try:
    _storage = storage_for(STORAGE_URL)
except BadStorage as reason:
    raise refuse("STORAGE_URL", STORAGE_URL.split("://")[0] + "://...", str(reason)) from None
STORAGES = {
    "default": _storage,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}


def private_socket(folder: Path) -> Path:
    """Where the embedded Valkey listens: in the data folder, or in a short private one when its path is too long."""
    beside = folder / "valkey.sock"
    if len(str(beside)) < 100:  # the kernel's limit is 108 bytes
        return beside
    mark = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"factory-{os.getuid()}-{mark}" / "valkey.sock"


VALKEY_SOCKET = private_socket(FACTORY_DATA)
REDIS_URL = env.url("REDIS_URL", f"unix://{VALKEY_SOCKET}", {"redis", "rediss", "unix"})
REDIS_EMBEDDED = not env.text("REDIS_URL")
if not REDIS_URL.startswith("unix://") and not re.fullmatch(r"/?|/\d+", urlsplit(REDIS_URL).path):
    raise refuse("REDIS_URL", REDIS_URL, "an address such as redis://host:6379/0")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        # Seconds, and one try: it may be away, and then nobody should wait for it.
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 2, "retry": Retry(NoBackoff(), 0)},
    },
    "limits": {"BACKEND": "factory.limits.shared.SharedOrOwn", "LOCATION": REDIS_URL},
}
CHANNEL_LAYERS = {
    "default": {
        # The pub/sub layer: the default one keeps 100 messages a channel and then drops the newest.
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_connect_timeout": 2}]},
    }
}

# MQTT

MQTT_URL = env.url("MQTT_URL", "", {"mqtt", "mqtts"})
MQTT_BROKER = env.choice("MQTT_BROKER", "auto", {"auto", "mosquitto", "amqtt", "none"})
MQTT_ENABLED = bool(MQTT_URL) or MQTT_BROKER != "none"
MQTT_EMBEDDED = MQTT_ENABLED and not MQTT_URL
MQTT_FOLDER = env.folder("MQTT_FOLDER", FACTORY_DATA) if env.text("MQTT_FOLDER") else None
MQTT_HOOK_SECRET = env.text("MQTT_HOOK_SECRET")
# Our own account. No device can be called so: `~` is not allowed in a device id.
MQTT_SERVICE_USER = "factory~ingest"
MQTT_PORT = env.integer("MQTT_PORT", 1883, low=1, high=65535)
MQTT_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(HOST, HOST)  # where the embedded one is reached
_broker = urlsplit(MQTT_URL)
MQTT_TLS = _broker.scheme == "mqtts"
if MQTT_URL:
    try:
        MQTT_HOST, MQTT_PORT = _broker.hostname or "", _broker.port or (8883 if MQTT_TLS else 1883)
    except ValueError:
        MQTT_HOST = ""
    if not MQTT_HOST or _broker.path.strip("/") or _broker.query or _broker.fragment:
        raise refuse("MQTT_URL", MQTT_URL, "an address such as mqtt://host:1883")
# Another name than ours is an account that the broker knows without us.
MQTT_USER = unquote(_broker.username or "") or MQTT_SERVICE_USER
MQTT_PASSWORD = unquote(_broker.password or "") or (
    kept_secret(FACTORY_DATA / "mqtt_password") if MQTT_ENABLED else ""
)

# Celery

CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its broker as long as it takes
CELERY_WORKER_CONSUMER = "factory.celery_consumer:Consumer"  # so that it really does
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = CELERY_WORKER_REDIRECT_STDOUTS = False  # LOGGING below counts
# A broker that is away is found out at once; what could not be enqueued is found by a sweeper.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 5,
    "socket_connect_timeout": 1,
    "retry_on_timeout": False,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
}
CELERY_TASK_PUBLISH_RETRY = False

# People

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = [
    # SHA-256 first, because bcrypt alone refuses more than 72 bytes.
    "django.contrib.auth.hashers.BCryptSHA256PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
_PASSWORDS = "django.contrib.auth.password_validation."
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": f"{_PASSWORDS}UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},  # Django's own list knows no `name`
    },
    # What NIST SP 800-63B and ASVS 5.0 ask for at least; a rule for kinds of characters is none of theirs.
    {"NAME": f"{_PASSWORDS}MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": f"{_PASSWORDS}CommonPasswordValidator"},
    {"NAME": f"{_PASSWORDS}NumericPasswordValidator"},
]
SIMPLE_JWT = {
    "ALGORITHM": "HS256",
    "SIGNING_KEY": SECRET_KEY,
    "AUTH_HEADER_TYPES": ("Bearer",),
}
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "overview"
SESSION_COOKIE_NAME_JWT = "app_session_id"
SESSION_HOURS = env.integer("SESSION_HOURS", 8760, low=1, high=8760)
SESSION_IDLE_MINUTES = env.integer("SESSION_IDLE_MINUTES", 0, low=0, high=525_600)
SESSION_ADMIN_HOURS = env.integer("SESSION_ADMIN_HOURS", SESSION_HOURS, low=1, high=8760)
SESSION_ADMIN_IDLE_MINUTES = env.integer(
    "SESSION_ADMIN_IDLE_MINUTES", SESSION_IDLE_MINUTES, low=0, high=525_600
)
# Of the cookie, whoever signs in: what a role says is the server's to keep.
SESSION_LIFETIME = timedelta(hours=max(SESSION_HOURS, SESSION_ADMIN_HOURS))
FACTORY_DEMO = env.flag("FACTORY_DEMO", default=True)
REGISTRATION = env.choice("REGISTRATION", "open" if FACTORY_DEMO else "closed", {"open", "closed"})
REQUIRE_TOTP = env.choice("REQUIRE_TOTP", "off", {"admin", "all", "off"})
FACTORY_ADMIN_EMAIL = env.email("FACTORY_ADMIN_EMAIL")
FACTORY_ADMIN_PASSWORD = env.text("FACTORY_ADMIN_PASSWORD")
# Django's own session only carries the admin's messages; who is signed in says the JWT cookie.
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

# Web

SECURE = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE
CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True  # forms carry the token themselves
SECURE_SSL_REDIRECT = SECURE
# Whoever watches the processes asks them themselves, without TLS: they are behind the proxy, which has it.
SECURE_REDIRECT_EXEMPT = [r"^health/(live|ready)$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE
# Only as far as factory.web_safety leaves it: from TRUSTED_PROXIES.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
CSRF_FAILURE_VIEW = "factory.refusals.csrf_failure"
X_FRAME_OPTIONS = "DENY"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "factory" / "instead"]  # served instead of a library's own: docs/admin.md
WHITENOISE_USE_FINDERS = True
if env.text("STATIC_FOLDER"):  # names with a hash in them, for a web server in front to keep for ever
    STATIC_ROOT = env.folder("STATIC_FOLDER", FACTORY_DATA)
    STORAGES["staticfiles"] = {"BACKEND": "factory.collected.CollectedFiles"}
# Other sites' pages, on the API only. Their cookies count too: factory.trpc.gateway asks for the origin of writes.
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOWED_ORIGINS = ALLOWED_ORIGINS
CORS_ALLOW_CREDENTIALS = True
CORS_ALLOW_METHODS = ("GET", "HEAD", "POST", "OPTIONS")
CORS_ALLOW_HEADERS = (
    "accept",
    "authorization",
    "content-type",
    "last-event-id",
    "range",
    "trpc-accept",
    "x-csrftoken",
    "x-requested-with",
    "x-trpc-source",
)
CORS_EXPOSE_HEADERS = (
    "Content-Disposition",
    "Content-Range",
    "Deprecation",
    "ETag",
    "Retry-After",
    "Sunset",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Total-Count",
)
CORS_PREFLIGHT_MAX_AGE = 7200  # seconds; browsers keep it no longer
DATA_UPLOAD_MAX_MEMORY_SIZE = REQUEST_BODY_MAX = 5 * 1024 * 1024
try:
    TRUSTED_PROXIES = read_networks(env.words("TRUSTED_PROXIES"))
except ValueError as reason:
    raise refuse("TRUSTED_PROXIES", env.text("TRUSTED_PROXIES"), f"a list of addresses: {reason}") from None
RATE_USER = env.rate("RATE_USER", "100/m")
RATE_DEVICE = env.rate("RATE_DEVICE", "100/m")
RATE_ADDRESS = env.rate("RATE_ADDRESS", "100/m")
RATE_LOGIN = env.rate("RATE_LOGIN", "10/m")
RATE_SOCKET = env.rate("RATE_SOCKET", "1000/m")
RATELIMIT_USE_CACHE = "limits"
REQUEST_TIMEOUT = env.integer("REQUEST_TIMEOUT", 30, low=1, high=600)
WS_TIMEOUT = env.integer("WS_TIMEOUT", 60, low=2, high=3600)
WS_BEHIND = env.integer("WS_BEHIND", 10, low=1, high=600)
UPLOAD_TIMEOUT = env.integer("UPLOAD_TIMEOUT", 300, low=1, high=86400)
UPLOAD_FILE_MB = env.integer("UPLOAD_FILE_MB", 10, low=1, high=200)  # an upload is in memory on its way in
UPLOAD_DAY_MB = env.integer("UPLOAD_DAY_MB", 100, low=1, high=1_000_000)
UPLOAD_FORM_MAX = TRPC_FORM_MAX = (
    (UPLOAD_FILE_MB + 1) * 1024 * 1024
)  # the file, and the other parts of its form
DOWNLOAD_TIMEOUT = env.integer("DOWNLOAD_TIMEOUT", 1800, low=10, high=86400)
REST_FRAMEWORK = {
    "DATETIME_FORMAT": None,  # serializers keep datetimes; the wire decides how they look
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.0",
    "COMPONENT_SPLIT_REQUEST": True,  # what is asked of inputs is not asked of outputs
}
SILENCED_SYSTEM_CHECKS: list[str] = []

# The plant

FORMAT_MODULE_PATH = "factory.formats"
USE_TZ = True
TIME_ZONE = PLANT_TIME_ZONE = env.time_zone("PLANT_TIME_ZONE", "UTC")
LANGUAGE_CODE = "en"  # of what is kept and of what machines read, whatever the plant speaks
PLANT_LANGUAGE = env.choice("PLANT_LANGUAGE", "en", {"en", "de"})
USE_I18N = True
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "factory" / "locale"]
LANGUAGE_COOKIE_SAMESITE = "Lax"
READINGS_RETENTION_DAYS = env.integer("READINGS_RETENTION_DAYS", 90, low=1, high=36500)
READINGS_FUTURE_SECONDS = 300
AUDIT_KEEP_DAYS = env.integer("AUDIT_KEEP_DAYS", 400, low=1, high=36500)
REPORTS_KEEP_DAYS = env.integer("REPORTS_KEEP_DAYS", 30, low=1, high=3650)
REPORT_FONT = env.text("REPORT_FONT")
if REPORT_FONT and not Path(REPORT_FONT).is_file():
    raise refuse("REPORT_FONT", REPORT_FONT, "a file: a TrueType font (.ttf, .ttc)")
DEVICE_SILENT_SECONDS = env.integer("DEVICE_SILENT_SECONDS", 120, low=15, high=86400)
CONFIG_DRIFT_SECONDS = env.integer("CONFIG_DRIFT_SECONDS", 300, low=5, high=30 * 86400)
COMMANDS_DECLARED_ONLY = env.flag("COMMANDS_DECLARED_ONLY", default=False)
COMMAND_RESULT_SECONDS = env.integer("COMMAND_RESULT_SECONDS", 3600, low=10, high=30 * 86400)
BATCH_RUNNING_PER_GROUP = env.integer("BATCH_RUNNING_PER_GROUP", 3, low=1, high=1000)
BATCH_CONFIRM_ABOVE = env.integer("BATCH_CONFIRM_ABOVE", 100, low=0, high=1_000_000)

# Updates of firmware, of types of devices for which nothing else was set in admin

OTA_PENDING_SECONDS = env.integer("OTA_PENDING_SECONDS", 7 * 86400, low=60, high=90 * 86400)
OTA_DOWNLOADING_SECONDS = env.integer("OTA_DOWNLOADING_SECONDS", 3600, low=60, high=90 * 86400)
OTA_INSTALLING_SECONDS = env.integer("OTA_INSTALLING_SECONDS", 1800, low=60, high=90 * 86400)
OTA_HEALTH_SECONDS = env.integer("OTA_HEALTH_SECONDS", 86400, low=0, high=90 * 86400)
OTA_MAX_ATTEMPTS = env.integer("OTA_MAX_ATTEMPTS", 3, low=1, high=20)
OTA_REQUIRE_RUNNING_VERSION = env.flag("OTA_REQUIRE_RUNNING_VERSION", default=False)

# Firmware

OTA_PARALLEL_DOWNLOADS = env.integer("OTA_PARALLEL_DOWNLOADS", 50, low=1, high=10_000)
FIRMWARE_REQUIRE_SIGNATURE = env.flag("FIRMWARE_REQUIRE_SIGNATURE", default=False)
FIRMWARE_PUBLIC_KEYS = env.words("FIRMWARE_PUBLIC_KEYS")
for _key in FIRMWARE_PUBLIC_KEYS:
    if not re.fullmatch(r"[A-Za-z0-9+/]{43}=", _key):
        raise refuse(
            "FIRMWARE_PUBLIC_KEYS", _key, "a public key: 32 bytes in base64, as firmware_keys prints it"
        )

# Watching

SECURITY_CONTACT = env.contacts("SECURITY_CONTACT")
METRICS_TOKEN = env.text("METRICS_TOKEN")
DISK_FREE_MB = env.integer("DISK_FREE_MB", 500, low=0, high=1_000_000)

# Mail

EMAIL_URL = env.url("EMAIL_URL", "console://", {"console", "smtp", "submission"})
_email: dict[str, Any] = dict(dj_email_url.parse(EMAIL_URL.replace("console://", "console:")))
EMAIL_BACKEND = _email["EMAIL_BACKEND"]
EMAIL_HOST = _email["EMAIL_HOST"] or "localhost"
EMAIL_PORT = _email["EMAIL_PORT"] or 25
EMAIL_HOST_USER = _email["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = _email["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_SSL = _email["EMAIL_USE_SSL"]
EMAIL_USE_TLS = _email["EMAIL_USE_TLS"]
EMAIL_TIMEOUT = 10
ALERT_EMAIL = env.email("ALERT_EMAIL")
NOTIFY_LOCAL = env.flag("NOTIFY_LOCAL", default=False)
try:
    NOTIFY_NETWORKS = read_networks(env.words("NOTIFY_NETWORKS"))
except ValueError as reason:
    raise refuse("NOTIFY_NETWORKS", env.text("NOTIFY_NETWORKS"), f"a list of networks: {reason}") from None
DEFAULT_FROM_EMAIL = SERVER_EMAIL = (
    env.email("EMAIL_FROM") or f"factory@{urlsplit(PUBLIC_URL).hostname or 'localhost'}"
)

# Logs

LOG_FORMAT = env.choice("LOG_FORMAT", "line", {"line", "json"})
SLOW_QUERY_MS = env.integer("SLOW_QUERY_MS", 500, low=0, high=600_000)
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", {"DEBUG", "INFO", "WARNING", "ERROR"})
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "factory.logs.LineFormatter"},
        "json": {"()": "factory.logs.JsonFormatter"},
    },
    "filters": {"refused": {"()": "factory.logs.RefusedInOneLine"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["refused"]}
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django.server": {"propagate": True},
        "daphne": {"level": "WARNING"},
        "celery": {"level": "WARNING"},
        # They log the addresses that they speak to, and those of webhooks are secret.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
    },
}
