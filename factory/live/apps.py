from django.apps import AppConfig


class LiveConfig(AppConfig):
    name = "factory.live"
    label = "live"
    verbose_name = "Live"
