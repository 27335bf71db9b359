from django.apps import AppConfig


class OtaConfig(AppConfig):
    name = "ota"
    verbose_name = "Firmware"

    def ready(self) -> None:
        from devices.queries import tell_what_goes  # noqa: PLC0415 -- the apps must be loaded
        from devices.services import give_on_return  # noqa: PLC0415 -- as above
        from ota import receivers, wording  # noqa: F401, PLC0415 -- connects the signals; what is kept is told
        from ota.operations import register_operations  # noqa: PLC0415 -- as above
        from ota.queries.deployments import count_deployments  # noqa: PLC0415 -- as above
        from ota.services.offering import wake_offers  # noqa: PLC0415 -- as above

        give_on_return(wake_offers)
        tell_what_goes("deployments", count_deployments)
        register_operations()
