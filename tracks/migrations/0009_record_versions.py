import aspen.db.constraints
import django.db.models.deletion
import django.db.models.functions.datetime
import pghistory.utils
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tracks', '0008_four_eyes'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='RecordVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField()),
                ('record', models.JSONField()),
                ('change', models.TextField(help_text='How it differs from the version before.')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('confirmed_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['submission_id', 'number'],
            },
        ),
        migrations.CreateModel(
            name='RecordVersionHistory',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_context', pghistory.utils.JSONField(null=True)),
                ('pgh_context_id', models.UUIDField(null=True)),
                ('id', models.BigIntegerField()),
                ('number', models.PositiveSmallIntegerField()),
                ('record', models.JSONField()),
                ('change', models.TextField(help_text='How it differs from the version before.')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('confirmed_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'abstract': False,
            },
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='submission',
            name='submission_not_verified_by_reviewer',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='verification',
            name='supervisor_is_not_reviewer',
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='certificate',
            trigger=pgtrigger.compiler.Trigger(name='certificate_has_the_confirmed_record', sql=pgtrigger.compiler.UpsertTriggerSql(func='IF NEW.record <> coalesce((SELECT record FROM tracks_recordversion WHERE submission_id = NEW.submission_id ORDER BY number DESC LIMIT 1), (SELECT record FROM tracks_submission WHERE id = NEW.submission_id)) THEN RAISE EXCEPTION \'violates check constraint "tracks_certificate_has_the_confirmed_record"\'\n    USING ERRCODE = \'check_violation\', CONSTRAINT = \'tracks_certificate_has_the_confirmed_record\'; END IF; RETURN NEW;', hash='88004070296106fff263e2df7b44f8cdd1a456ab', operation='INSERT', pgid='pgtrigger_certificate_has_the_confirmed_record_6af3f', table='tracks_certificate', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='submission',
            trigger=pgtrigger.compiler.Trigger(name='submission_not_verified_by_reviewer', sql=pgtrigger.compiler.UpsertTriggerSql(func='IF NEW.verified_by_id = NEW.reviewed_by_id OR NEW.verified_by_id IN (\n    SELECT reviewed_by_id FROM tracks_submission WHERE id = NEW.id\n    UNION SELECT confirmed_by_id FROM tracks_recordversion WHERE submission_id = NEW.id\n) OR EXISTS (SELECT FROM tracks_verification AS question WHERE submission_id = NEW.id AND (answered_at IS NULL OR answer = \'verified\') AND (question.supervisor_id IN (NEW.reviewed_by_id) OR EXISTS (\n    SELECT FROM accounts_user WHERE id IN (NEW.reviewed_by_id) AND lower(email) = lower(question.supervisor_email)\n) OR EXISTS (\n    SELECT FROM account_emailaddress\n    WHERE user_id IN (NEW.reviewed_by_id) AND lower(email) = lower(question.supervisor_email)\n))) THEN RAISE EXCEPTION \'violates check constraint "tracks_submission_not_verified_by_reviewer"\'\n    USING ERRCODE = \'check_violation\', CONSTRAINT = \'tracks_submission_not_verified_by_reviewer\'; END IF; RETURN NEW;', hash='bc0f96995627f3f4e49305b5f60d28f922b98a3f', operation='INSERT OR UPDATE OF "reviewed_by_id", "verified_by_id"', pgid='pgtrigger_submission_not_verified_by_reviewer_b5f47', table='tracks_submission', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='submission',
            trigger=pgtrigger.compiler.Trigger(name='verified_record_is_confirmed', sql=pgtrigger.compiler.UpsertTriggerSql(func='IF NEW.verified_at IS NOT NULL AND (SELECT confirmed_at IS NULL FROM tracks_recordversion WHERE submission_id = NEW.id ORDER BY number DESC LIMIT 1) THEN RAISE EXCEPTION \'violates check constraint "tracks_verified_record_is_confirmed"\'\n    USING ERRCODE = \'check_violation\', CONSTRAINT = \'tracks_verified_record_is_confirmed\'; END IF; RETURN NEW;', hash='60917a9c176152a3e5cd72c8a059696701606df5', operation='UPDATE OF "verified_at"', pgid='pgtrigger_verified_record_is_confirmed_2091b', table='tracks_submission', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='verification',
            trigger=pgtrigger.compiler.Trigger(name='supervisor_is_not_reviewer', sql=pgtrigger.compiler.UpsertTriggerSql(func='IF NEW.answer <> \'withdrawn\' AND NEW.answer <> \'refused\' AND (NEW.supervisor_id IN (\n    SELECT reviewed_by_id FROM tracks_submission WHERE id = NEW.submission_id\n    UNION SELECT confirmed_by_id FROM tracks_recordversion WHERE submission_id = NEW.submission_id\n) OR EXISTS (\n    SELECT FROM accounts_user WHERE id IN (\n    SELECT reviewed_by_id FROM tracks_submission WHERE id = NEW.submission_id\n    UNION SELECT confirmed_by_id FROM tracks_recordversion WHERE submission_id = NEW.submission_id\n) AND lower(email) = lower(NEW.supervisor_email)\n) OR EXISTS (\n    SELECT FROM account_emailaddress\n    WHERE user_id IN (\n    SELECT reviewed_by_id FROM tracks_submission WHERE id = NEW.submission_id\n    UNION SELECT confirmed_by_id FROM tracks_recordversion WHERE submission_id = NEW.submission_id\n) AND lower(email) = lower(NEW.supervisor_email)\n)) THEN RAISE EXCEPTION \'violates check constraint "tracks_supervisor_is_not_reviewer"\'\n    USING ERRCODE = \'check_violation\', CONSTRAINT = \'tracks_supervisor_is_not_reviewer\'; END IF; RETURN NEW;', hash='e7863e6e1aae749d2dfa94cfb1ed96babbcf6ab8', operation='INSERT OR UPDATE OF "answer", "supervisor_id", "supervisor_email"', pgid='pgtrigger_supervisor_is_not_reviewer_1e0c2', table='tracks_verification', when='BEFORE')),
        ),
        migrations.AddField(
            model_name='recordversion',
            name='confirmed_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='recordversion',
            name='submission',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='tracks.submission'),
        ),
        migrations.AddField(
            model_name='recordversionhistory',
            name='confirmed_by',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='recordversionhistory',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='history', to='tracks.recordversion'),
        ),
        migrations.AddField(
            model_name='recordversionhistory',
            name='submission',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='tracks.submission'),
        ),
        migrations.AddConstraint(
            model_name='recordversion',
            constraint=aspen.db.constraints.CleanColumn(field='change', kind='text', name='tracks_recordversion_change_clean'),
        ),
        migrations.AddConstraint(
            model_name='recordversion',
            constraint=models.UniqueConstraint(fields=('submission', 'number'), name='tracks_record_version_number_once'),
        ),
        migrations.AddConstraint(
            model_name='recordversion',
            constraint=models.CheckConstraint(condition=models.Q(('number__gte', 2)), name='tracks_record_version_after_the_first'),
        ),
        migrations.AddConstraint(
            model_name='recordversion',
            constraint=models.CheckConstraint(condition=models.Q(('change', ''), _negated=True), name='tracks_record_version_says_what_changed'),
        ),
        migrations.AddConstraint(
            model_name='recordversion',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('confirmed_at', None), ('confirmed_by', None)), models.Q(('confirmed_at__isnull', False), ('confirmed_by__isnull', False)), _connector='OR'), name='tracks_record_version_confirmed_by_someone'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='recordversion',
            trigger=pgtrigger.compiler.Trigger(name='protect_record_versions', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='0ac6f93bbf91d917440fc641ca52a790b3ef1ad4', operation='DELETE', pgid='pgtrigger_protect_record_versions_5b1ab', table='tracks_recordversion', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='recordversion',
            trigger=pgtrigger.compiler.Trigger(name='record_version_is_frozen', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."submission_id" IS DISTINCT FROM (NEW."submission_id") OR OLD."number" IS DISTINCT FROM (NEW."number") OR OLD."record" IS DISTINCT FROM (NEW."record") OR OLD."change" IS DISTINCT FROM (NEW."change") OR OLD."made_at" IS DISTINCT FROM (NEW."made_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='93d496e20b4d2789181169cb41f1703ed90ff6e7', operation='UPDATE', pgid='pgtrigger_record_version_is_frozen_8d052', table='tracks_recordversion', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='recordversion',
            trigger=pgtrigger.compiler.Trigger(name='record_version_not_confirmed_by_others', sql=pgtrigger.compiler.UpsertTriggerSql(func='IF NEW.confirmed_by_id IN (SELECT person_id FROM tracks_submission WHERE id = NEW.submission_id) OR EXISTS (SELECT FROM tracks_verification AS question WHERE submission_id = NEW.submission_id AND (answered_at IS NULL OR answer = \'verified\') AND (question.supervisor_id IN (NEW.confirmed_by_id) OR EXISTS (\n    SELECT FROM accounts_user WHERE id IN (NEW.confirmed_by_id) AND lower(email) = lower(question.supervisor_email)\n) OR EXISTS (\n    SELECT FROM account_emailaddress\n    WHERE user_id IN (NEW.confirmed_by_id) AND lower(email) = lower(question.supervisor_email)\n))) THEN RAISE EXCEPTION \'violates check constraint "tracks_record_version_not_confirmed_by_others"\'\n    USING ERRCODE = \'check_violation\', CONSTRAINT = \'tracks_record_version_not_confirmed_by_others\'; END IF; RETURN NEW;', hash='d87f714225c24f36be449a75acf0b8fcb2d237f3', operation='INSERT OR UPDATE OF "confirmed_by_id"', pgid='pgtrigger_record_version_not_confirmed_by_others_e3cdc', table='tracks_recordversion', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='recordversion',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "tracks_recordversionhistory" ("change", "confirmed_at", "confirmed_by_id", "id", "made_at", "number", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "record", "submission_id") VALUES (NEW."change", NEW."confirmed_at", NEW."confirmed_by_id", NEW."id", NEW."made_at", NEW."number", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, clock_timestamp(), \'insert\', NEW."id", NEW."record", NEW."submission_id"); RETURN NULL;', hash='6262c8bb6623f76ccb5b0b6bf418780d9c288d19', operation='INSERT', pgid='pgtrigger_insert_insert_48a52', table='tracks_recordversion', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='recordversion',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "tracks_recordversionhistory" ("change", "confirmed_at", "confirmed_by_id", "id", "made_at", "number", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "record", "submission_id") VALUES (NEW."change", NEW."confirmed_at", NEW."confirmed_by_id", NEW."id", NEW."made_at", NEW."number", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, clock_timestamp(), \'update\', NEW."id", NEW."record", NEW."submission_id"); RETURN NULL;', hash='fbafa4efd7ec13129f8c49109532b9635fd2620b', operation='UPDATE', pgid='pgtrigger_update_update_19130', table='tracks_recordversion', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='recordversionhistory',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='5edbffd4fb26d5e4380308e09b35deff399044d0', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_c28f6', table='tracks_recordversionhistory', when='BEFORE')),
        ),
    ]
