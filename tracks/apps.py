from django.apps import AppConfig


class TracksConfig(AppConfig):
    name = "tracks"
    verbose_name = "Certification tracks"

    def ready(self) -> None:
        from tracks import letters, receivers  # noqa: F401

        letters.register_composers()
