"""Is this process alive, and can the platform do its work? For supervisors and load balancers."""

import time
from collections.abc import Callable

import redis
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from factory.broker.choice import answers
from factory.draining import is_draining
from factory.live.broadcast import broadcaster

_migrated = False
_redis: redis.Redis | None = None
MQTT_ASKED_EVERY = 1.0  # seconds: each asking is a connection
_mqtt = (0.0, True)  # until when it is known, and what


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return cursor.fetchone() is not None
    except (DatabaseError, ImproperlyConfigured):
        return False


def _is_migrated() -> bool:
    """Asked until it is true: a running process never goes back to an older schema."""
    global _migrated
    if not _migrated:
        try:
            executor = MigrationExecutor(connection)
            _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        except DatabaseError:
            return False
    return _migrated


def _redis_answers() -> bool:
    global _redis
    if _redis is None:
        _redis = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1)
    try:
        return bool(_redis.ping())
    except (redis.RedisError, OSError):
        return False


def _mqtt_answers() -> bool:
    global _mqtt
    good_until, is_there = _mqtt
    if time.monotonic() >= good_until:
        is_there = answers(settings.MQTT_HOST, settings.MQTT_PORT)
        _mqtt = (time.monotonic() + MQTT_ASKED_EVERY, is_there)
    return is_there


# Without these the platform cannot take readings in; without the others it works, with less.
VITAL: dict[str, Callable[[], bool]] = {
    "draining": lambda: not is_draining(),
    "database": _database_answers,
    "migrations": _is_migrated,
}
USEFUL: dict[str, Callable[[], bool]] = {
    "redis": _redis_answers,
    "live": lambda: not broadcaster.failing,
    "mqtt": lambda: not settings.MQTT_ENABLED or _mqtt_answers(),
}


def report_on(name: str, works: Callable[[], bool]) -> None:
    """Have readiness name something that a room needs, when it is down."""
    USEFUL[name] = works


@require_safe
def live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 `{status: ok|degraded, down: [...]}`; 503 without the database, unmigrated, or while draining."""
    dead = [name for name, check in VITAL.items() if not check()]
    if dead:
        return JsonResponse({"status": "down", "down": dead}, status=503)
    down = [name for name, check in USEFUL.items() if not check()]
    return JsonResponse({"status": "degraded" if down else "ok", "down": down})
