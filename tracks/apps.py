from django.apps import AppConfig


class TracksConfig(AppConfig):
    name = "tracks"
    verbose_name = "Certification tracks"

    def ready(self) -> None:
        from credits import signals
        from tracks import receivers, reminders  # noqa: F401
        from tracks.certification import emails as certification_emails  # noqa: F401
        from tracks.certification import queries
        from tracks.following import emails  # noqa: F401

        signals.sent_record_hooks.append(queries.claims_in_sent_records)
        signals.certificate_hooks.append(queries.claims_in_certificates)
