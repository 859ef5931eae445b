"""Certificates of attendance."""

import aspen.db.constraints
import django.db.models.deletion
import django.db.models.functions.datetime
import pghistory.utils
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('credits', '0006_lock_events_only_for_new_live_claims'),
        ('events', '0012_joining_addresses'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AttendanceCertificate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, unique=True)),
                ('number', models.CharField(help_text="A, the year, and the certificate's number within that year.", max_length=20, unique=True)),
                ('guest_address', models.EmailField(blank=True, max_length=254, verbose_name='guest’s e-mail address')),
                ('name', models.CharField(max_length=300)),
                ('printed', models.JSONField(help_text='The other text on it: attendance.PrintedFacts.')),
                ('issued_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('withdrawn_at', models.DateTimeField(blank=True, null=True)),
                ('withdrawn_reason', models.TextField(blank=True, help_text='Anyone who checks it can read this.')),
                ('claim', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='credits.claim')),
                ('event', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attendance_certificates', to='events.event')),
                ('person', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='attendance_certificates', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-issued_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='AttendanceCertificateHistory',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_context', pghistory.utils.JSONField(null=True)),
                ('pgh_context_id', models.UUIDField(null=True)),
                ('id', models.BigIntegerField()),
                ('uuid', models.UUIDField(default=uuid.uuid4)),
                ('number', models.CharField(help_text="A, the year, and the certificate's number within that year.", max_length=20)),
                ('guest_address', models.EmailField(blank=True, max_length=254, verbose_name='guest’s e-mail address')),
                ('name', models.CharField(max_length=300)),
                ('printed', models.JSONField(help_text='The other text on it: attendance.PrintedFacts.')),
                ('issued_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('withdrawn_at', models.DateTimeField(blank=True, null=True)),
                ('withdrawn_reason', models.TextField(blank=True, help_text='Anyone who checks it can read this.')),
                ('claim', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='credits.claim')),
                ('event', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='events.event')),
                ('person', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='history', to='credits.attendancecertificate')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.AddConstraint(
            model_name='attendancecertificate',
            constraint=aspen.db.constraints.CleanColumn(field='name', kind='line', name='credits_attendancecertificate_name_clean', required=True),
        ),
        migrations.AddConstraint(
            model_name='attendancecertificate',
            constraint=aspen.db.constraints.CleanColumn(field='withdrawn_reason', kind='text', name='credits_attendancecertificate_withdrawn_reason_clean'),
        ),
        migrations.AddConstraint(
            model_name='attendancecertificate',
            constraint=aspen.db.constraints.CleanColumn(field='guest_address', kind='email', name='credits_attendancecertificate_guest_address_clean'),
        ),
        migrations.AddConstraint(
            model_name='attendancecertificate',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('guest_address', ''), ('person__isnull', False)), models.Q(('claim', None), ('person', None), models.Q(('guest_address', ''), _negated=True)), _connector='OR'), name='credits_attendance_of_a_person_or_a_guest'),
        ),
        migrations.AddConstraint(
            model_name='attendancecertificate',
            constraint=aspen.db.constraints.CompositeForeignKey(fields=['claim', 'person'], name='credits_attendance_person_matches_claim', to='credits.Claim', to_fields=['id', 'person']),
        ),
        migrations.AddConstraint(
            model_name='attendancecertificate',
            constraint=models.UniqueConstraint(condition=models.Q(('withdrawn_at', None)), fields=('event', 'person'), name='credits_one_attendance_of_a_person'),
        ),
        migrations.AddConstraint(
            model_name='attendancecertificate',
            constraint=models.UniqueConstraint(condition=models.Q(('withdrawn_at', None), models.Q(('guest_address', ''), _negated=True)), fields=('event', 'guest_address'), name='credits_one_attendance_of_a_guest'),
        ),
        migrations.AddConstraint(
            model_name='attendancecertificate',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('withdrawn_at', None), ('withdrawn_reason', '')), models.Q(('withdrawn_at__isnull', False), models.Q(('withdrawn_reason', ''), _negated=True)), _connector='OR'), name='credits_attendance_withdrawn_with_reason'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='attendancecertificate',
            trigger=pgtrigger.compiler.Trigger(name='protect_attendance_certificates', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='aab42666fe1b201e388f6e839f123ec33ec2be7e', operation='DELETE', pgid='pgtrigger_protect_attendance_certificates_79a9e', table='credits_attendancecertificate', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='attendancecertificate',
            trigger=pgtrigger.compiler.Trigger(name='attendance_certificates_are_frozen', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."uuid" IS DISTINCT FROM (NEW."uuid") OR OLD."number" IS DISTINCT FROM (NEW."number") OR OLD."event_id" IS DISTINCT FROM (NEW."event_id") OR OLD."person_id" IS DISTINCT FROM (NEW."person_id") OR OLD."guest_address" IS DISTINCT FROM (NEW."guest_address") OR OLD."claim_id" IS DISTINCT FROM (NEW."claim_id") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."printed" IS DISTINCT FROM (NEW."printed") OR OLD."issued_at" IS DISTINCT FROM (NEW."issued_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='f3e78ac775989c73e90c590a4290df1edc7e6cd5', operation='UPDATE', pgid='pgtrigger_attendance_certificates_are_frozen_5079d', table='credits_attendancecertificate', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='attendancecertificate',
            trigger=pgtrigger.compiler.Trigger(name='withdrawn_attendance_certificates_stay', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."withdrawn_at" IS NOT NULL)', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='c55cd028f2ab29aa76328db4e75c7d21878dc4ee', operation='UPDATE', pgid='pgtrigger_withdrawn_attendance_certificates_stay_b6b67', table='credits_attendancecertificate', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='attendancecertificate',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "credits_attendancecertificatehistory" ("claim_id", "event_id", "guest_address", "id", "issued_at", "name", "number", "person_id", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "printed", "uuid", "withdrawn_at", "withdrawn_reason") VALUES (NEW."claim_id", NEW."event_id", NEW."guest_address", NEW."id", NEW."issued_at", NEW."name", NEW."number", NEW."person_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, clock_timestamp(), \'insert\', NEW."id", NEW."printed", NEW."uuid", NEW."withdrawn_at", NEW."withdrawn_reason"); RETURN NULL;', hash='99e36e5a00206d7e0aedb31edd5f4b8379b691d5', operation='INSERT', pgid='pgtrigger_insert_insert_d8a6a', table='credits_attendancecertificate', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='attendancecertificate',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "credits_attendancecertificatehistory" ("claim_id", "event_id", "guest_address", "id", "issued_at", "name", "number", "person_id", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "printed", "uuid", "withdrawn_at", "withdrawn_reason") VALUES (NEW."claim_id", NEW."event_id", NEW."guest_address", NEW."id", NEW."issued_at", NEW."name", NEW."number", NEW."person_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, clock_timestamp(), \'update\', NEW."id", NEW."printed", NEW."uuid", NEW."withdrawn_at", NEW."withdrawn_reason"); RETURN NULL;', hash='0c137828ff7a0b676d7af3dd640f668c8e3d9e94', operation='UPDATE', pgid='pgtrigger_update_update_34b50', table='credits_attendancecertificate', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='attendancecertificatehistory',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='89bb69fe0ecbb6b3aa75b9f253b287fbe04a329f', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_34449', table='credits_attendancecertificatehistory', when='BEFORE')),
        ),
    ]
