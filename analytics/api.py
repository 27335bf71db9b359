from alerts.queries.alerts import alert_stats
from devices.queries import device_stats
from factory.accounts.permissions import VIEWER
from factory.trpc.router import Router
from factory.trpc.serializers import FreeForm, WireSerializer

router = Router("analytics")


class Overview(WireSerializer):
    devices = FreeForm()
    alerts = FreeForm()


@router.query("getOverview", permission=VIEWER, output=Overview)
def get_overview(call):
    """Devices by status and alerts by status and severity: what `devices.getStats` and `alerts.getStats` say."""
    return {"devices": device_stats(), "alerts": alert_stats()}
