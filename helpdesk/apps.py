from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class HelpdeskConfig(AppConfig):
    name = "helpdesk"
    verbose_name = "Help desk"

    def ready(self) -> None:
        from aspen.web import waiting
        from credits import signals
        from helpdesk import queries

        signals.open_ticket_hooks.append(queries.open_tickets)
        waiting.counts.append(waiting.Count("answers", "help", "answered", queries.unread_answers))
        # This app migrates last, so the models of all permissions exist by then.
        post_migrate.connect(_create_roles, sender=self, dispatch_uid="create_roles")


def _create_roles(**kwargs: Any) -> None:
    from accounts.roles import create_roles

    create_roles()
