from django.apps import AppConfig


class DevicesConfig(AppConfig):
    name = "devices"
    verbose_name = "Devices"

    def ready(self) -> None:
        from devices import wording  # noqa: F401, PLC0415 -- what is kept is told in other languages
