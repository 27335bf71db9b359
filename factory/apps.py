from django.apps import AppConfig


class FactoryConfig(AppConfig):
    name = "factory"
    verbose_name = "Smart Factory IoT"

    def ready(self) -> None:
        from factory import checks  # noqa: F401, PLC0415 -- registers the system checks
        from factory.deadline import watch_all  # noqa: PLC0415 -- settings are needed

        watch_all()
