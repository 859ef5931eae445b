from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AspenConfig(AppConfig):
    name = "aspen"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "ASPeN"

    def ready(self) -> None:
        from aspen.db import role

        post_migrate.connect(role.grant, sender=self, dispatch_uid="grant_rights")
