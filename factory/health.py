"""Is this process alive, and can the platform do its work? For supervisors and load balancers."""

import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

import redis
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from redis.backoff import NoBackoff
from redis.retry import Retry

from factory.broker.choice import responds
from factory.draining import is_draining
from factory.live.broadcast import broadcaster

_migrated = False
_redis: redis.Redis | None = None
HEARTBEAT = "health.workers"
HEARTBEAT_SECONDS = 60.0
CLOCK_SECONDS = 2.0
ASKED_EVERY = 5.0  # seconds
PATIENCE_SECONDS = 2.0  # with database and storage; their own is longer than those who ask for readiness have
_began = time.time()
MQTT_ASKED_EVERY = 1.0  # each asking is a connection


def _database_answers() -> bool:
    """Asked in a thread of its own, with a connection of its own: those of requests wait longer for an answer."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return cursor.fetchone() is not None
    except (DatabaseError, ImproperlyConfigured):
        return False
    finally:
        connection.close()


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
        _redis = redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1, retry=Retry(NoBackoff(), 0)
        )
    try:
        return bool(_redis.ping())
    except (redis.RedisError, OSError):
        return False


def _mqtt_answers() -> bool:
    return not settings.MQTT_ENABLED or responds(settings.MQTT_HOST, settings.MQTT_PORT)


class InTime:
    """A question to something that may hang: without an answer by then it is "no", until the answer has come.

    Asked in a thread of its own, of which there is never more than one.
    """

    def __init__(self, ask: Callable[[], bool], seconds: float) -> None:
        self.ask, self.seconds = ask, seconds
        self._asking: Future[bool] | None = None
        self._lock = threading.Lock()

    def __call__(self) -> bool:
        with self._lock:
            if self._asking is None or self._asking.done():
                self._asking = Future()
                threading.Thread(target=self._answer, args=(self._asking,), daemon=True).start()
            asking = self._asking
        try:
            return asking.result(self.seconds)
        except TimeoutError:
            return False

    def _answer(self, asking: "Future[bool]") -> None:
        try:
            asking.set_result(self.ask())
        except Exception as error:
            asking.set_exception(error)


# Without these the platform cannot take readings in; without the others it works, with less.
VITAL: dict[str, Callable[[], bool]] = {
    "draining": lambda: not is_draining(),
    "database": InTime(_database_answers, PATIENCE_SECONDS),
    "migrations": _is_migrated,
}


def _storage_answers() -> bool:
    """Asked for a file that need not be there: whoever can say so can be reached."""
    try:
        default_storage.exists("health")
    except Exception:  # each storage fails in its own way
        return False
    return True


def _workers_answer() -> bool:
    """A worker has carried out what beat asked for within the last minute. Without Redis nobody can know."""
    try:
        heard = cache.get(HEARTBEAT)
    except (redis.RedisError, OSError):
        return True  # and redis is named
    # What was heard before this process began may be of before everything was started anew.
    return time.time() - max(_began, float(heard or 0)) < HEARTBEAT_SECONDS


def note_heartbeat() -> None:
    """A worker is at work."""
    cache.set(HEARTBEAT, time.time(), timeout=86_400)


def _has_room() -> bool:
    return shutil.disk_usage(settings.FACTORY_DATA).free >= settings.DISK_FREE_MB * 1_000_000


def _clock_agrees() -> bool:
    """Ours and the database's: deadlines are judged by both."""
    if connection.vendor != "mysql":
        return True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT UNIX_TIMESTAMP(NOW(6))")
            return abs(float(cursor.fetchone()[0]) - time.time()) < CLOCK_SECONDS
    except DatabaseError:
        return True  # and the database is named


class NowAndThen:
    """A question that is asked at most once in so many seconds; readiness may be asked as often as anybody likes."""

    def __init__(self, ask: Callable[[], bool], seconds: float) -> None:
        self.ask, self.seconds = ask, seconds
        self.answer = True
        self.ask_anew()

    def ask_anew(self) -> None:
        self.good_until = 0.0

    def __call__(self) -> bool:
        if time.monotonic() >= self.good_until:
            self.answer = self.ask()
            self.good_until = time.monotonic() + self.seconds
        return self.answer


USEFUL: dict[str, Callable[[], bool]] = {
    "redis": _redis_answers,
    "live": lambda: not broadcaster.failing,
    "mqtt": NowAndThen(_mqtt_answers, MQTT_ASKED_EVERY),
    "storage": NowAndThen(InTime(_storage_answers, PATIENCE_SECONDS), ASKED_EVERY),
    "workers": NowAndThen(_workers_answer, ASKED_EVERY),
    "disk": NowAndThen(_has_room, ASKED_EVERY),
    "clock": NowAndThen(_clock_agrees, ASKED_EVERY),
}


def report_on(name: str, works: Callable[[], bool]) -> None:
    """Have readiness name something that a room needs, when it is down."""
    USEFUL[name] = works


def _dead() -> list[str]:
    dead = []
    for name, check in VITAL.items():
        if not check():
            dead.append(name)
            if name == "database":
                break  # what comes after it would ask it, and wait
    return dead


@require_safe
def live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 `{status: ok|degraded, down: [...]}`; 503 without the database, unmigrated, or while draining."""
    dead = _dead()
    if dead:
        return JsonResponse({"status": "down", "down": dead}, status=503)
    down = [name for name, check in USEFUL.items() if not check()]
    return JsonResponse({"status": "degraded" if down else "ok", "down": down})
