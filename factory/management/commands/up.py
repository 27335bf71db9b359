"""`manage.py up`: the whole server in one command, behind script/server."""

import http.client
import os
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from django.db import connection, connections

from factory import counters, roles, valkey
from factory.accounts.services import ensure_first_admin
from factory.broker.choice import answers, embedded_broker, free_port
from factory.data_folder import take_folder
from factory.listening import listen, url
from factory.live.mqtt_address import broker_url
from factory.supervisor import StopAsked, Supervisor

READY_WITHIN = 60.0
DEMO_DEVICES, DEMO_SEED = 24, 7


class Command(BaseCommand):
    help = "Prepare the database and run everything until SIGINT or SIGTERM."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)  # the database and the queues hold what nobody else on this machine should read
        supervisor = Supervisor()
        with take_folder(settings.FACTORY_DATA), listen(settings.HOST, settings.PORT) as listener:
            supervisor.listen_to_signals()
            counters.count_together(settings.FACTORY_DATA / "metrics")
            if settings.MQTT_EMBEDDED:
                choose_mqtt_port()
            try:
                self.run(supervisor, listener)
            except StopAsked:
                pass
            finally:
                listener.close()  # from now on nobody is left waiting in its queue
                supervisor.stop()

    def run(self, supervisor: Supervisor, listener: socket.socket) -> None:
        stores = roles.stores()
        if stores:
            prepare_valkey(settings.VALKEY_SOCKET, settings.FACTORY_DATA / "valkey")
            supervisor.start(stores)
            if not supervisor.run(lambda: valkey.answers(settings.VALKEY_SOCKET), seconds=20):
                refuse_unless_stopping(supervisor, "The embedded Valkey did not start within 20 s.")
        supervisor.interrupted(lambda: self.prepare(supervisor))
        servers = roles.servers(listener.fileno())
        supervisor.start(role for role in servers if role.tier == roles.SERVERS)
        if settings.MQTT_EMBEDDED and not supervisor.run(mqtt_answers, seconds=READY_WITHIN):
            refuse_unless_stopping(supervisor, "The embedded MQTT broker did not start. See the lines above.")
        if settings.MQTT_ENABLED:
            supervisor.announce(f"mqtt: {broker_url()}")
        probe = Readiness()
        if not supervisor.run(probe.is_ready, seconds=READY_WITHIN):
            refuse_unless_stopping(
                supervisor, f"Not ready within {READY_WITHIN:.0f} s: {probe.last}. See the lines above."
            )
        supervisor.announce(f"ready: {url(settings.HOST, settings.PORT)}")
        supervisor.start(role for role in servers if role.tier == roles.SOURCES)
        supervisor.run()

    def prepare(self, supervisor: Supervisor) -> None:
        """Bring the database to where this version wants it, with somebody who may sign in."""
        try:
            if connection.vendor == "mysql":
                with connection.cursor() as cursor:
                    cursor.execute("SET SESSION max_statement_time = 0")  # a migration may take its time
            call_command("migrate", interactive=False, verbosity=0)
            made = ensure_first_admin(
                email=settings.FACTORY_ADMIN_EMAIL, password=settings.FACTORY_ADMIN_PASSWORD
            )
            if made is not None:
                tell_first_admin(supervisor, *made)
            if settings.FACTORY_DEMO:
                self.seed(supervisor)
        except ValidationError as reason:
            raise CommandError(f"FACTORY_ADMIN_PASSWORD is not used: {' '.join(reason.messages)}") from None
        except DatabaseError as reason:
            raise CommandError(f"The database is not usable: {reason}") from None
        finally:
            connections.close_all()

    def seed(self, supervisor: Supervisor) -> None:
        from devices.models import Device  # noqa: PLC0415 -- only where there is a demo

        if not Device.objects.exists():
            supervisor.say("making the demo plant")
            call_command("seed_demo", devices=DEMO_DEVICES, seed=DEMO_SEED)


def choose_mqtt_port() -> None:
    """MQTT_PORT, or the next free one: for this process, and for the children it starts."""
    embedded_broker()  # or says now that the one asked for is not there
    settings.MQTT_PORT = free_port(settings.HOST, settings.MQTT_PORT)
    os.environ["MQTT_PORT"] = str(settings.MQTT_PORT)


def mqtt_answers() -> bool:
    return answers(settings.MQTT_HOST, settings.MQTT_PORT)


def prepare_valkey(place: Path, data: Path) -> None:
    """A folder for its data, a private one for its socket, and no socket left from before."""
    for folder in {place.parent, data} - {settings.FACTORY_DATA}:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        about = folder.lstat()
        if about.st_uid != os.getuid() or about.st_mode & 0o170077 != 0o040000:
            raise CommandError(f"{folder} must be a folder that only this user may enter.", returncode=2)
    for _ in range(30):  # one whose supervisor was killed a moment ago may still be going
        if not valkey.answers(place):
            break
        time.sleep(0.1)
    else:
        raise CommandError(f"Another Valkey answers on {place}. End it first.", returncode=2)
    place.unlink(missing_ok=True)


def refuse_unless_stopping(supervisor: Supervisor, sentence: str) -> None:
    if supervisor.stop_asked.is_set():
        raise StopAsked
    raise CommandError(sentence)


def tell_first_admin(supervisor: Supervisor, user: Any, password: str) -> None:
    supervisor.announce(f"first admin: {user.email}")
    if not settings.FACTORY_ADMIN_PASSWORD:
        supervisor.announce(f"password, shown only now: {password}")


class Readiness:
    """Asks /health/ready, as the proxy in front would."""

    def __init__(self) -> None:
        self.address = urlsplit(url(settings.HOST, settings.PORT))
        public = urlsplit(settings.PUBLIC_URL)
        self.headers = {"Host": public.netloc, "X-Forwarded-Proto": public.scheme}
        self.last = "no answer"

    def is_ready(self) -> bool:
        connection = http.client.HTTPConnection(self.address.hostname or "", self.address.port, timeout=2)
        try:
            connection.request("GET", "/health/ready", headers=self.headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as reason:
            self.last = f"/health/ready gave no answer ({type(reason).__name__})"
            return False
        finally:
            connection.close()
        self.last = f"/health/ready answered {status}"
        return status == 200
