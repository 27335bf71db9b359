from django.apps import AppConfig


class FactoryConfig(AppConfig):
    name = "factory"
    verbose_name = "Smart Factory IoT"

    def ready(self) -> None:
        from factory import checks  # noqa: F401, PLC0415 -- registers the system checks
