"""`system.*`: the platform about itself."""

from django.conf import settings
from rest_framework import serializers

from factory.accounts.permissions import ANYONE
from factory.trpc.router import Router
from factory.trpc.serializers import MillisField, WireSerializer

router = Router("system")


class Ping(WireSerializer):
    timestamp = MillisField(required=False)


class Health(WireSerializer):
    ok = serializers.BooleanField()
    version = serializers.CharField()


@router.query("health", permission=ANYONE, input=Ping, output=Health)
def health(call, *, timestamp: int | None = None):
    """The server answers, and says its version."""
    return {"ok": True, "version": settings.VERSION}
