"""Lock the event only for a claim that becomes live on it, not for one that stays live."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('credits', '0005_no_live_claim_on_merged_event'),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='claim',
            name='no_live_claim_on_merged_event',
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='claim',
            trigger=pgtrigger.compiler.Trigger(name='no_live_claim_on_merged_event', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE event_state text;', func="\n        IF NEW.state NOT IN ('approved', 'pending', 'returned') THEN RETURN NEW; END IF;\n        IF TG_OP = 'UPDATE' THEN\n            IF OLD.event_id = NEW.event_id AND OLD.state IN ('approved', 'pending', 'returned') THEN\n                RETURN NEW;\n            END IF;\n        END IF;\n        SELECT state INTO event_state FROM events_event WHERE id = NEW.event_id FOR NO KEY UPDATE;\n        IF event_state = 'merged' THEN\n            RAISE check_violation USING\n                CONSTRAINT = 'credits_no_live_claim_on_merged_event',\n                MESSAGE = 'violates credits_no_live_claim_on_merged_event';\n        END IF;\n        RETURN NEW;\n    ", hash='cd5bf0c0df689845592f38b8b3e8ec7e68642e1c', operation='INSERT OR UPDATE OF "state", "event_id"', pgid='pgtrigger_no_live_claim_on_merged_event_6bc8a', table='credits_claim', when='BEFORE')),
        ),
    ]
