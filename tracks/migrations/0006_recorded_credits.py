import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tracks', '0005_staff_rules_of_2009'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='certificate',
            name='update_update',
        ),
        migrations.RemoveConstraint(
            model_name='participation',
            name='tracks_counts_from_not_after_selection',
        ),
        migrations.AddField(
            model_name='certificate',
            name='recorded_credits',
            field=models.GeneratedField(db_persist=True, expression=models.Func(models.F('record'), output_field=models.JSONField(), template="jsonb_path_query_array(%(expressions)s, '$.lines[*].credit') || jsonb_path_query_array(%(expressions)s, '$.surplus[*].credit')"), output_field=models.JSONField()),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='certificate',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."coordinator_name" IS DISTINCT FROM (NEW."coordinator_name") OR OLD."expires_on" IS DISTINCT FROM (NEW."expires_on") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."issued_at" IS DISTINCT FROM (NEW."issued_at") OR OLD."issued_on" IS DISTINCT FROM (NEW."issued_on") OR OLD."listed_as" IS DISTINCT FROM (NEW."listed_as") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."number" IS DISTINCT FROM (NEW."number") OR OLD."participation_id" IS DISTINCT FROM (NEW."participation_id") OR OLD."person_id" IS DISTINCT FROM (NEW."person_id") OR OLD."record" IS DISTINCT FROM (NEW."record") OR OLD."replaces_id" IS DISTINCT FROM (NEW."replaces_id") OR OLD."reviewed_at" IS DISTINCT FROM (NEW."reviewed_at") OR OLD."revoked_at" IS DISTINCT FROM (NEW."revoked_at") OR OLD."revoked_by_id" IS DISTINCT FROM (NEW."revoked_by_id") OR OLD."revoked_reason" IS DISTINCT FROM (NEW."revoked_reason") OR OLD."submission_id" IS DISTINCT FROM (NEW."submission_id") OR OLD."supervisor_name" IS DISTINCT FROM (NEW."supervisor_name") OR OLD."uuid" IS DISTINCT FROM (NEW."uuid") OR OLD."verified_at" IS DISTINCT FROM (NEW."verified_at"))', func='INSERT INTO "tracks_certificatehistory" ("coordinator_name", "expires_on", "id", "issued_at", "issued_on", "listed_as", "name", "number", "participation_id", "person_id", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "record", "replaces_id", "reviewed_at", "revoked_at", "revoked_by_id", "revoked_reason", "submission_id", "supervisor_name", "uuid", "verified_at") VALUES (NEW."coordinator_name", NEW."expires_on", NEW."id", NEW."issued_at", NEW."issued_on", NEW."listed_as", NEW."name", NEW."number", NEW."participation_id", NEW."person_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, clock_timestamp(), \'update\', NEW."id", NEW."record", NEW."replaces_id", NEW."reviewed_at", NEW."revoked_at", NEW."revoked_by_id", NEW."revoked_reason", NEW."submission_id", NEW."supervisor_name", NEW."uuid", NEW."verified_at"); RETURN NULL;', hash='5db1d923f608b76a864d1b13f2249f1b543db726', operation='UPDATE', pgid='pgtrigger_update_update_6b713', table='tracks_certificate', when='AFTER')),
        ),
    ]
