"""The procedures of this room, one router a module."""

from devices.api.claims import router as claims
from devices.api.commands import router as commands
from devices.api.configuration import router as configuration
from devices.api.credentials import router as credentials
from devices.api.devices import router as devices
from devices.api.files import router as files
from devices.api.types import router as types

routers = [devices, commands, configuration, claims, credentials, files, types]
