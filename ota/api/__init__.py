"""The procedures of this room, one router a module."""

from ota.api import rollouts  # noqa: F401 -- adds to the router of deployments
from ota.api.deployments import router as deployments
from ota.api.firmware import router as firmware

routers = [firmware, deployments]
