"""The procedures of this room, one router a module."""

from analytics.api.energy import router as energy
from analytics.api.export import router as export
from analytics.api.machines import router as machines
from analytics.api.oee import router as oee
from analytics.api.overview import groups, router
from analytics.api.stops import router as stops
from analytics.api.trends import router as trends

routers = [router, groups, energy, export, machines, oee, stops, trends]
