from django.apps import AppConfig


class FactoryConfig(AppConfig):
    name = "factory"
    verbose_name = "Smart Factory IoT"

    def ready(self) -> None:
        from factory import (  # noqa: PLC0415 -- settings are needed
            checks,  # noqa: F401 -- registers the system checks
            deadline,
            slow_queries,
            task_watch,
        )

        deadline.watch_all()
        slow_queries.watch_all()
        task_watch.watch_all()
