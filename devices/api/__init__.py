"""The procedures of this room, one router a module."""

from devices.api.devices import router as devices

routers = [devices]
