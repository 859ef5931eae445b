"""Whether the person has read the answer. Tickets that were answered before count as read."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('credits', '0006_lock_events_only_for_new_live_claims'),
        ('helpdesk', '0003_clean_text'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='ticket',
            name='insert_insert',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='ticket',
            name='update_update',
        ),
        migrations.AddField(
            model_name='ticket',
            name='has_unread_answer',
            field=models.BooleanField(default=False, editable=False, help_text='The help desk answered, and the person has not opened the ticket since.'),
        ),
        migrations.AddField(
            model_name='tickethistory',
            name='has_unread_answer',
            field=models.BooleanField(default=False, editable=False, help_text='The help desk answered, and the person has not opened the ticket since.'),
        ),
        migrations.AddIndex(
            model_name='ticket',
            index=models.Index(condition=models.Q(('has_unread_answer', True)), fields=['person'], name='helpdesk_unread'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='ticket',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "helpdesk_tickethistory" ("changed_at", "credit_id", "has_unread_answer", "id", "opened_at", "person_id", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "state", "subject") VALUES (NEW."changed_at", NEW."credit_id", NEW."has_unread_answer", NEW."id", NEW."opened_at", NEW."person_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, clock_timestamp(), \'insert\', NEW."id", NEW."state", NEW."subject"); RETURN NULL;', hash='05d06996df70de98456d441fc8f6021e5b47f3d7', operation='INSERT', pgid='pgtrigger_insert_insert_3fb40', table='helpdesk_ticket', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='ticket',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "helpdesk_tickethistory" ("changed_at", "credit_id", "has_unread_answer", "id", "opened_at", "person_id", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "state", "subject") VALUES (NEW."changed_at", NEW."credit_id", NEW."has_unread_answer", NEW."id", NEW."opened_at", NEW."person_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, clock_timestamp(), \'update\', NEW."id", NEW."state", NEW."subject"); RETURN NULL;', hash='b0c3218e365d0de0446c983099d74ae2c0d6cf2d', operation='UPDATE', pgid='pgtrigger_update_update_a2e45', table='helpdesk_ticket', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='ticket',
            constraint=models.CheckConstraint(condition=models.Q(('has_unread_answer', False), ('state', 'answered'), _connector='OR'), name='helpdesk_only_answered_tickets_unread'),
        ),
    ]
