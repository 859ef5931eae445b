"""Let periods that follow a certificate count from the day on which its record was sent.

Earlier they counted from the day after the certificate was issued. Credits that were earned in
between and are not in the record are posted to the period.
"""

from django.db import migrations, models

EARNED_ON = """(CASE WHEN event.recording_available_at IS NOT NULL
    THEN least(event.last_day, (claim.claimed_at AT TIME ZONE 'America/Denver')::date)
    ELSE event.last_day END)"""
CLAIMED_ON = "(claim.claimed_at AT TIME ZONE 'America/Denver')::date"

COUNT_FROM_THE_DAY_SENT = """
UPDATE tracks_participation AS period
SET counts_from = (certificate.record ->> 'measured_on')::date
FROM tracks_certificate AS certificate
WHERE certificate.id = period.follows_id
  AND period.counts_from > (certificate.record ->> 'measured_on')::date
"""
# The eligibility rule at the time of this migration, for periods that follow a certificate.
POST = f"""
INSERT INTO tracks_posting (credit_id, participation_id, person_id)
SELECT credit.id, period.id, period.person_id
FROM tracks_participation AS period
JOIN tracks_ruleset AS rules ON rules.id = period.rule_set_id
JOIN credits_credit AS credit ON credit.person_id = period.person_id
JOIN credits_claim AS claim ON claim.id = credit.claim_id
JOIN events_event AS event ON event.id = claim.event_id
WHERE period.follows_id IS NOT NULL AND period.state IN ('open', 'submitted', 'reviewed')
  AND claim.state IN ('pending', 'approved', 'returned') AND credit.withdrawn_at IS NULL
  AND {EARNED_ON} BETWEEN period.counts_from AND period.closes_on
  AND EXISTS (SELECT FROM tracks_requirement AS requirement
    WHERE requirement.rule_set_id = rules.id AND requirement.category_id = credit.category_id)
  AND NOT EXISTS (SELECT FROM tracks_certificate AS certificate
    JOIN tracks_participation AS certified ON certified.id = certificate.participation_id
    WHERE certificate.person_id = period.person_id AND certified.track_id = period.track_id
      AND certificate.revoked_at IS NULL
      AND certificate.recorded_credits @> to_jsonb(credit.id))
  AND (NOT rules.catalog_only OR EXISTS (SELECT FROM events_cataloglisting AS listing
    WHERE listing.event_id = event.id AND listing.state = 'approved'
      AND (listing.fiscal_year = date_part('year', {EARNED_ON} + interval '6 months')
        OR (event.recording_available_at <= claim.claimed_at
          AND (event.recording_until_at IS NULL OR event.recording_until_at > claim.claimed_at)
          AND listing.fiscal_year = date_part('year', {CLAIMED_ON} + interval '6 months')))))
ON CONFLICT (participation_id, credit_id) DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [
        ("credits", "0002_triggers"),
        ("events", "0003_triggers"),
        ("tracks", "0006_recorded_credits"),
    ]

    operations = [
        migrations.RunSQL(COUNT_FROM_THE_DAY_SENT, migrations.RunSQL.noop),
        migrations.RunSQL(POST, migrations.RunSQL.noop),
        # PostgreSQL alters no table that still has foreign keys to check.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="participation",
            constraint=models.CheckConstraint(
                condition=models.Q(("counts_from__lte", models.F("selected_on"))),
                name="tracks_counts_from_not_after_selection",
            ),
        ),
    ]
