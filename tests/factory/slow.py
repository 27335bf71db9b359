"""Procedures that never come to an end by themselves."""

from django.db import connection, transaction

from devices.models import Device
from factory.trpc.permissions import ANYONE
from factory.trpc.router import Registry, Router
from tests.builders import make_device

FOR_EVER = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n",
    "mysql": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)"
    " SELECT COUNT(*) FROM n a, n b, n c, n d WHERE a.i + b.i + c.i + d.i > 0",
}


def run_for_ever():
    with connection.cursor() as cursor:
        cursor.execute(FOR_EVER[connection.vendor])
        cursor.fetchall()


slow = Router("slow")


@slow.query("query", permission=ANYONE)
def slow_query(call):
    """Ask the database for something without end."""
    run_for_ever()


@slow.query("quick", permission=ANYONE)
def slow_quick(call):
    """Count devices."""
    return Device.objects.count()


@slow.mutation("write", permission=ANYONE)
def slow_write(call):
    """Write, and then never come to an end."""
    with transaction.atomic():
        make_device(external_id="half-made")
        run_for_ever()


registry = Registry([slow])
