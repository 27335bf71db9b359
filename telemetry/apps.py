from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    name = "telemetry"
    verbose_name = "Telemetry"

    def ready(self) -> None:
        from devices.services import hold_before_deleting  # noqa: PLC0415 -- the apps must be loaded
        from telemetry.services import lock_devices  # noqa: PLC0415 -- the apps must be loaded

        hold_before_deleting(lock_devices)
