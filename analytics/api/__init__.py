"""The procedures of this room, one router a module."""

from analytics.api.energy import router as energy
from analytics.api.overview import groups, router

routers = [router, groups, energy]
