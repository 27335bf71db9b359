from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "alerts"
    verbose_name = "Alerts"

    def ready(self) -> None:
        from alerts import receivers, wording  # noqa: F401, PLC0415 -- connects the signals; what is kept is told
        from alerts.queries.alerts import count_alerts  # noqa: PLC0415 -- models are loaded by now
        from alerts.queries.notifications import is_mail_going_out  # noqa: PLC0415 -- as above
        from alerts.queries.thresholds import count_thresholds  # noqa: PLC0415 -- as above
        from devices.queries import tell_what_goes  # noqa: PLC0415 -- as above
        from factory.health import report_on  # noqa: PLC0415 -- as above

        report_on("email", is_mail_going_out)
        tell_what_goes("alerts", count_alerts)
        tell_what_goes("thresholds", count_thresholds)
