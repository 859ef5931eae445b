from django.apps import AppConfig


class TracksConfig(AppConfig):
    name = "tracks"
    verbose_name = "Certification tracks"

    def ready(self) -> None:
        from tracks import receivers, reminders  # noqa: F401
        from tracks.certification import emails

        emails.register_track_emails()
        reminders.register_composers()
