"""Which processes make up the plant's server when one command runs it all."""

import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from factory import valkey
from factory.celery import MESSAGES
from factory.listening import url

STORES, SERVERS, SOURCES = range(3)  # started in this order, stopped in the opposite one
MANAGE = (sys.executable, str(settings.BASE_DIR / "manage.py"))
CELERY = (sys.executable, "-m", "celery", "--app=factory.celery", "--quiet")


@dataclass(frozen=True)
class Role:
    """One process: what it runs, and when it comes and goes."""

    name: str
    argv: tuple[str, ...]
    tier: int
    env: Mapping[str, str] = field(default_factory=dict)
    stop: signal.Signals = signal.SIGTERM
    hurry: signal.Signals = signal.SIGTERM  # sent when the time is nearly over, before SIGKILL
    pass_fds: tuple[int, ...] = ()
    unsaid: tuple[str, ...] = ()  # lines of its output with one of these are nobody's business


def stores() -> list[Role]:
    """What must run before the database is prepared."""
    if not settings.REDIS_EMBEDDED:
        return []
    data = settings.FACTORY_DATA / "valkey"
    arguments = valkey.arguments(settings.VALKEY_SOCKET, data, durable=True)
    unsaid = ("WARNING Memory overcommit", "signal-handler", "ready to exit")
    return [Role("valkey", tuple(arguments), STORES, unsaid=unsaid)]


def brokers() -> list[Role]:
    """Our own MQTT broker, or what keeps an external Mosquitto's files in step."""
    if settings.MQTT_EMBEDDED:
        return [Role("broker", (*MANAGE, "mqtt_broker"), SERVERS)]
    if settings.MQTT_ENABLED and settings.MQTT_FOLDER is not None:
        return [Role("broker", (*MANAGE, "mqtt_credentials", "--watch"), SERVERS)]
    return []


def servers(listener: int) -> list[Role]:
    """Everything else. A new kind of process is a line here."""
    schedule = Path(settings.FACTORY_DATA) / "celerybeat-schedule"
    # As root, Celery warns of pickles at length. There are none: messages are JSON.
    calm = {"PYTHONWARNINGS": "ignore:You're running the worker with superuser"}
    # Threads: a pool of processes would be grandchildren, which nobody ends when we are killed.
    pool = (
        "--pool=threads",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    )
    roles = [
        *brokers(),
        *([Role("ingest", (*MANAGE, "ingest_mqtt"), SERVERS)] if settings.MQTT_ENABLED else []),
        Role(
            "web", (*MANAGE, "serve", f"--fd={listener}", "--drain-seconds=7"), SERVERS, pass_fds=(listener,)
        ),
        # Quitting puts back into the queue what could not be finished.
        Role(
            "worker", (*CELERY, "worker", "--concurrency=4", *pool), SERVERS, env=calm, hurry=signal.SIGQUIT
        ),
        # Of their own: whoever takes a message may take his time, and timers and presence must not wait for him.
        Role(
            "messages",
            (
                *CELERY,
                "worker",
                f"--queues={MESSAGES}",
                f"--hostname={MESSAGES}@%h",
                "--concurrency=8",
                *pool,
            ),
            SERVERS,
            env=calm,
            hurry=signal.SIGQUIT,
        ),
        Role("beat", (*CELERY, "beat", f"--schedule={schedule}", "--pidfile="), SOURCES),
    ]
    if settings.FACTORY_DEMO:
        share = "0.25" if settings.MQTT_ENABLED else "0"
        simulate = ("simulate", "--url", url(settings.HOST, settings.PORT), "--mqtt-share", share)
        roles.append(Role("plant", (*MANAGE, *simulate), SOURCES))
    return roles
