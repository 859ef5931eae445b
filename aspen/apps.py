from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin import apps as admin_apps
from django.db import connection
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class AspenConfig(AppConfig):
    name = "aspen"
    default = True
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "ASPeN"

    def ready(self) -> None:
        from aspen.db import database_role, zone_rules

        connection_created.connect(
            zone_rules.check_on_first_connection, dispatch_uid="check_zone_rules"
        )
        post_migrate.connect(
            database_role.grant_table_privileges, sender=self, dispatch_uid="grant_rights"
        )
        post_migrate.connect(unmark_demonstration, sender=self, dispatch_uid="unmark_demonstration")


def unmark_demonstration(**kwargs: Any) -> None:
    """Forget that the database was a demonstration's, unless it still is. Idempotent."""
    from aspen.models import Demonstration

    table = Demonstration._meta.db_table
    if not settings.DEMO and table in connection.introspection.table_names():
        Demonstration.objects.order_by("pk").delete()


class StaffAdminConfig(admin_apps.AdminConfig):
    """Django's admin app, with the portal's admin site as the default."""

    default = False

    default_site = "aspen.admin_site.StaffSite"
