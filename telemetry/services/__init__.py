"""Every write of the room."""

from telemetry.services.exchanges import ExchangeNoted, ExchangeUnknown, forget_exchange, note_exchange
from telemetry.services.forgetting import forget_orphans
from telemetry.services.storing import (
    SENSOR_SHARDS,
    SENSOR_STREAM,
    close_devices,
    lock_devices,
    open_devices,
    store_readings,
)

__all__ = [
    "SENSOR_SHARDS",
    "SENSOR_STREAM",
    "ExchangeNoted",
    "ExchangeUnknown",
    "close_devices",
    "forget_exchange",
    "forget_orphans",
    "lock_devices",
    "note_exchange",
    "open_devices",
    "store_readings",
]
