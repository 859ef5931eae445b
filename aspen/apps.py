from django.apps import AppConfig


class AspenConfig(AppConfig):
    name = "aspen"
    verbose_name = "ASPeN"
