from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "factory.accounts"
    label = "accounts"
    verbose_name = "People"
