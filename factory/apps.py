from django.apps import AppConfig
from django.db.models.signals import class_prepared


class FactoryConfig(AppConfig):
    name = "factory"
    verbose_name = "Smart Factory IoT"

    def import_models(self) -> None:
        from factory.model_words import translate  # noqa: PLC0415 -- before the first of our models is there

        class_prepared.connect(translate, dispatch_uid="factory.model_words")
        super().import_models()

    def ready(self) -> None:
        from factory import (  # noqa: PLC0415 -- settings are needed
            admin_json,
            checks,  # noqa: F401 -- registers the system checks
            deadline,
            slow_queries,
            task_watch,
        )

        admin_json.show_json_by_classes()
        deadline.watch_all()
        slow_queries.watch_all()
        task_watch.watch_all()
