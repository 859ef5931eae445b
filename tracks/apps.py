from django.apps import AppConfig


class TracksConfig(AppConfig):
    name = "tracks"
    verbose_name = "Certification tracks"

    def ready(self) -> None:
        from tracks import receivers, reminders  # noqa: F401
        from tracks.certification import emails as certification_emails  # noqa: F401
        from tracks.following import emails  # noqa: F401
