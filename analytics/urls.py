from django.urls import path

from analytics.pages import alerts, devices, overview, thresholds

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("overview/now", overview.overview_now, name="overview-now"),
    path("overview/zones", overview.overview_zones, name="overview-zones"),
    path("alerts/", alerts.alert_list, name="alerts"),
    path("alerts/<int:alert_id>/acknowledge", alerts.acknowledge, name="acknowledge"),
    path("alerts/<int:alert_id>/resolve", alerts.resolve, name="resolve"),
    path("devices/", devices.device_list, name="devices"),
    path("devices/new", devices.new_device, name="new-device"),
    path("devices/<int:device_id>/", devices.device_detail, name="device"),
    path("devices/<int:device_id>/token", devices.device_token, name="device-token"),
    path("devices/<int:device_id>/thresholds/new", thresholds.threshold, name="new-threshold"),
    path("devices/<int:device_id>/thresholds/<int:threshold_id>/", thresholds.threshold, name="threshold"),
    path(
        "devices/<int:device_id>/thresholds/<int:threshold_id>/delete",
        thresholds.drop_threshold,
        name="drop-threshold",
    ),
]
