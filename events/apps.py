from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "events"
    verbose_name = "Events"

    def ready(self) -> None:
        from events import reminders  # noqa: F401
        from events.attendance import emails as attendance_emails  # noqa: F401
        from events.editing import emails as editing_emails  # noqa: F401
        from events.registration import emails  # noqa: F401
