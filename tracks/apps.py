from django.apps import AppConfig


class TracksConfig(AppConfig):
    name = "tracks"
    verbose_name = "Certification tracks"

    def ready(self) -> None:
        from aspen.web import waiting
        from credits import signals
        from events import signals as event_signals
        from tracks import receivers, reminders  # noqa: F401
        from tracks.certification import emails as certification_emails  # noqa: F401
        from tracks.certification import queries
        from tracks.counting import queries as counting_queries
        from tracks.counting import suggestions
        from tracks.following import emails  # noqa: F401

        signals.sent_record_hooks.append(queries.claims_in_sent_records)
        signals.certificate_hooks.append(queries.claims_in_certificates)
        event_signals.track_fit_hooks.append(suggestions.track_fit)
        waiting.counts += [
            waiting.Count("questions", "dashboard", "to verify", queries.questions_waiting),
            waiting.Count("records", "dashboard", "record to change", queries.records_to_change),
            waiting.Count(
                "training", "dashboard", "training to change", counting_queries.training_to_change
            ),
        ]
