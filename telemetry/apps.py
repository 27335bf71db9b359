from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    name = "telemetry"
    verbose_name = "Telemetry"

    def ready(self) -> None:
        from devices.queries import tell_what_goes  # noqa: PLC0415 -- the apps must be loaded
        from devices.services import hold_before_deleting  # noqa: PLC0415 -- the apps must be loaded
        from telemetry import receivers  # noqa: F401, PLC0415 -- connects the signals
        from telemetry.queries import count_readings  # noqa: PLC0415 -- the apps must be loaded
        from telemetry.services import lock_devices  # noqa: PLC0415 -- the apps must be loaded

        hold_before_deleting(lock_devices)
        tell_what_goes("readings", count_readings)
