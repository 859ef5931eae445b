from django.apps import AppConfig


class CreditsConfig(AppConfig):
    name = "credits"
    verbose_name = "CE credits"

    def ready(self) -> None:
        from credits import checks, emails, queries, receivers  # noqa: F401
        from events import signals

        signals.claimed_event_hooks.append(queries.claimed_event_ids)
        signals.certified_event_hooks.append(queries.certified_event_ids)
        signals.ever_claimed_event_hooks.append(queries.ever_claimed_event_ids)
        signals.earlier_claim_hooks.append(checks.earlier_claim)
        signals.lost_credits_hooks.append(queries.credits_lost_if_absent)
