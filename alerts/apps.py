from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "alerts"
    verbose_name = "Alerts"

    def ready(self) -> None:
        from alerts import receivers  # noqa: F401, PLC0415 -- connects the signals
        from alerts.queries.notifications import is_mail_going_out  # noqa: PLC0415 -- models are loaded by now
        from factory.health import report_on  # noqa: PLC0415 -- as above

        report_on("email", is_mail_going_out)
