"""The procedures of this room, one router a module."""

from grouping.api.batches import router as batches
from grouping.api.groups import router as groups

routers = [groups, batches]
