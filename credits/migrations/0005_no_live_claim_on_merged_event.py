"""Refuse live claims on merged events, and merging events that have live claims."""

from django.db import migrations
from pgtrigger.compiler import Trigger, UpsertTriggerSql

from aspen.migrations._operations import AddTrigger

# The other direction. It is not in events/models/triggers.py, because events do not know claims.
EVENT_MERGED = """
CREATE FUNCTION credits_event_merged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM credits_claim
         WHERE event_id = NEW.id AND state IN ('approved', 'pending', 'returned')
    ) THEN
        RAISE check_violation USING
            CONSTRAINT = 'credits_no_live_claim_on_merged_event',
            MESSAGE = 'violates credits_no_live_claim_on_merged_event';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER credits_event_merged
    AFTER UPDATE OF state ON events_event FOR EACH ROW
    WHEN (NEW.state = 'merged' AND OLD.state <> 'merged')
    EXECUTE FUNCTION credits_event_merged();
"""
BACK = """
DROP TRIGGER credits_event_merged ON events_event;
DROP FUNCTION credits_event_merged();
"""


class Migration(migrations.Migration):
    dependencies = [('credits', '0004_merge_records'), ('events', '0001_initial')]

    operations = [
        AddTrigger('claim', Trigger(name='no_live_claim_on_merged_event', sql=UpsertTriggerSql(declare='DECLARE event_state text;', func="\n        IF NEW.state NOT IN ('approved', 'pending', 'returned') THEN RETURN NEW; END IF;\n        SELECT state INTO event_state FROM events_event WHERE id = NEW.event_id FOR NO KEY UPDATE;\n        IF event_state = 'merged' THEN\n            RAISE check_violation USING\n                CONSTRAINT = 'credits_no_live_claim_on_merged_event',\n                MESSAGE = 'violates credits_no_live_claim_on_merged_event';\n        END IF;\n        RETURN NEW;\n    ", hash='df834ad6160bc6bbf166cdab163c15a99006fa61', operation='INSERT OR UPDATE OF "state", "event_id"', pgid='pgtrigger_no_live_claim_on_merged_event_6bc8a', table='credits_claim', when='BEFORE'))),
        migrations.RunSQL(EVENT_MERGED, BACK),
    ]
