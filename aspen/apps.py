from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
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


class StaffAdminConfig(admin_apps.AdminConfig):
    """Django's admin app, with the portal's admin site as the default."""

    default = False

    default_site = "aspen.admin_site.StaffSite"
