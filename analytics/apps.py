from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "analytics"
    verbose_name = "Analytics"

    def ready(self) -> None:
        from analytics import receivers, wording  # noqa: F401, PLC0415 -- connects the signals; what is kept is told
