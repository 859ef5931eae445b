"""The history of tickets, which no one can rewrite."""

from django.db import migrations
from pgtrigger.compiler import Trigger, UpsertTriggerSql

from aspen.migrations._operations import AddTrigger


class Migration(migrations.Migration):
    dependencies = [('helpdesk', '0001_initial')]

    operations = [
        AddTrigger('ticket', Trigger(name='insert_insert', sql=UpsertTriggerSql(func='INSERT INTO "helpdesk_tickethistory" ("changed_at", "credit_id", "id", "opened_at", "person_id", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "state", "subject") VALUES (NEW."changed_at", NEW."credit_id", NEW."id", NEW."opened_at", NEW."person_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, clock_timestamp(), \'insert\', NEW."id", NEW."state", NEW."subject"); RETURN NULL;', hash='0cc2498681268fe228f0011f2eba2e7f6f724b0e', operation='INSERT', pgid='pgtrigger_insert_insert_3fb40', table='helpdesk_ticket', when='AFTER'))),
        AddTrigger('ticket', Trigger(name='update_update', sql=UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "helpdesk_tickethistory" ("changed_at", "credit_id", "id", "opened_at", "person_id", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "state", "subject") VALUES (NEW."changed_at", NEW."credit_id", NEW."id", NEW."opened_at", NEW."person_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, clock_timestamp(), \'update\', NEW."id", NEW."state", NEW."subject"); RETURN NULL;', hash='e59544385b1c9e7f2e5231fa09f9cacb019a3940', operation='UPDATE', pgid='pgtrigger_update_update_a2e45', table='helpdesk_ticket', when='AFTER'))),
        AddTrigger('tickethistory', Trigger(name='append_only', sql=UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='7394df4c5b37259dbe7c64ae7505d4fa94461ffb', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_cff62', table='helpdesk_tickethistory', when='BEFORE'))),
    ]
