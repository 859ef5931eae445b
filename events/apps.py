from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "events"
    verbose_name = "Events"

    def ready(self) -> None:
        from accounts import signals
        from events import reminders  # noqa: F401
        from events.attendance import emails as attendance_emails  # noqa: F401
        from events.editing import emails as editing_emails  # noqa: F401
        from events.registration import emails  # noqa: F401
        from events.saved_searches import emails as saved_search_emails  # noqa: F401
        from events.saved_searches import presentation

        signals.profile_hooks.append(presentation.saved_searches_on_profile)
