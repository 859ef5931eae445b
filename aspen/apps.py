from django.apps import AppConfig


class AspenConfig(AppConfig):
    name = "aspen"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "ASPeN"
