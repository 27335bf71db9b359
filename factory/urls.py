"""The front desk: every door of the house, mounted."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from alerts import api as alerts_api
from alerts import consumers as alerts_live
from analytics import api as analytics_api
from devices import api as devices_api
from devices import consumers as devices_live
from devices import mqtt_hooks
from factory import health, plant_gauges, system  # noqa: F401 -- tells /metrics what there is to ask
from factory.accounts import api as accounts_api
from factory.accounts import api_tokens_api, second_factor_api
from factory.accounts.witness import ProcedureWitness
from factory.limiting import IDENTIFY, limits
from factory.metrics import metrics
from factory.papers import papers
from factory.security_contact import security_txt
from factory.trpc.gateway import Gateway
from factory.trpc.router import Registry
from factory.twins import plain_twin
from factory.word_files import catalogue
from grouping import api as grouping_api
from grouping import consumers as grouping_live
from ota import api as ota_api
from ota import consumers as ota_live
from ota.download import firmware_file
from telemetry import api as telemetry_api
from telemetry import consumers as telemetry_live

registry = Registry(
    [
        system.router,
        accounts_api.router,
        second_factor_api.router,
        api_tokens_api.router,
        *devices_api.routers,
        telemetry_api.router,
        *grouping_api.routers,
        *alerts_api.routers,
        *ota_api.routers,
        *analytics_api.routers,
        telemetry_live.router,
        alerts_live.router,
        devices_live.router,
        grouping_live.router,
        ota_live.router,
    ]
)
versions = {1: registry}  # the major versions that are served: /api/v1/trpc
gateway = Gateway(
    registry,
    identify=IDENTIFY,
    allowed_origins={settings.PUBLIC_URL, *settings.ALLOWED_ORIGINS},
    limits=limits,
    witness=ProcedureWitness(),
)

urlpatterns = [
    gateway.urls("api/trpc"),
    gateway.urls("api/v1/trpc"),
    *papers(registry),
    path("api/auth/login", plain_twin(gateway, "auth.login")),
    path("api/auth/register", plain_twin(gateway, "auth.register")),
    path("api/auth/me", plain_twin(gateway, "auth.me")),
    path("api/auth/logout", plain_twin(gateway, "auth.logout")),
    path("api/mqtt/auth", mqtt_hooks.auth),
    path("api/mqtt/acl", mqtt_hooks.acl),
    path("api/firmware/<int:firmware_id>/file", firmware_file, name="firmware-file"),
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("metrics", metrics),
    path("words/<str:language>.js", catalogue, name="words"),
    path(".well-known/security.txt", security_txt, name="security-contact"),
    path("", include("factory.accounts.urls")),
    # One sign-in serves pages, API and admin.
    path("admin/login/", RedirectView.as_view(pattern_name="sign-in", query_string=True)),
    path("admin/logout/", RedirectView.as_view(pattern_name="sign-out")),
    path("admin/", admin.site.urls),
    path("", include("analytics.urls")),
]

handler400 = "factory.refusals.bad_request"
handler403 = "factory.refusals.permission_denied"
handler404 = "factory.refusals.not_found"
handler500 = "factory.refusals.server_error"
