"""The embedded broker where there is no mosquitto: amqtt, in this process."""

import asyncio
import logging
import signal

from django.conf import settings
from django.core.management.base import CommandError

from devices.mqtt_identity import identify_client
from devices.mqtt_rights import may
from devices.queries import alive_among
from factory.broker.careful import CarefulBroker
from factory.broker.door import Door
from factory.listening import listen


def run() -> None:
    """Serve until SIGTERM or SIGINT."""
    for chatty in ("amqtt", "transitions"):  # a line a packet, and a warning for every stranger
        logging.getLogger(chatty).setLevel(logging.ERROR)
    asyncio.run(serve())


async def serve() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    broker = CarefulBroker(may)
    await broker.start()
    door = Door(
        broker,
        may=may,
        identify=identify_client,
        alive_among=alive_among,
        largest=settings.REQUEST_BODY_MAX,
    )
    listener = listen(settings.HOST, settings.MQTT_PORT)
    server = await asyncio.start_server(door.admit, sock=listener)
    watching = asyncio.create_task(door.watch())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.close()
    door.end_all()
    if watching.done():
        raise CommandError(f"The broker failed: {watching.exception()!r}")
