"""The catalog committee: its meetings, and who prepares and who approves.

Listings that were decided before stay decided, without a meeting. CE Coordinators prepare the
catalog from now on. Only people whom an administrator gives the role "Catalog committee" approve.
"""

import aspen.db.constraints
import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
import events.models.event
import pghistory.utils
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


COORDINATORS = "CE Coordinators"
DECIDE, PREPARE = "decide_listing", "prepare_listing"


def mark_decided_listings(apps, schema_editor):
    listings = apps.get_model("events", "CatalogListing").objects
    listings.exclude(state="proposed").update(is_from_before_meetings=True)
    if schema_editor:  # pending deferred triggers would block ALTER TABLE
        schema_editor.connection.check_constraints()


def let_coordinators_prepare(apps, schema_editor):
    """Let everyone who could decide prepare, and take the decision from the coordinators' role.

    Other groups and people to whom an administrator gave the permission to decide keep it.
    """
    decide = _permissions(apps).filter(codename=DECIDE).first()
    if decide is None:  # a new database, whose roles are created after its migrations
        return
    prepare, _ = _permissions(apps).get_or_create(
        content_type=decide.content_type,
        codename=PREPARE,
        defaults={"name": "Can prepare the course catalog for the committee"},
    )
    for group in decide.group_set.order_by("pk"):
        group.permissions.add(prepare)
        if group.name == COORDINATORS:
            group.permissions.remove(decide)
    for person in decide.user_set.order_by("pk"):
        person.user_permissions.add(prepare)


def let_coordinators_decide(apps, schema_editor):
    decide = _permissions(apps).filter(codename=DECIDE).first()
    group = apps.get_model("auth", "Group").objects.filter(name=COORDINATORS).first()
    if decide and group:
        group.permissions.add(decide)
    _permissions(apps).filter(codename=PREPARE).delete()


def _permissions(apps):
    Permission = apps.get_model("auth", "Permission")
    return Permission.objects.filter(
        content_type__app_label="events", content_type__model="cataloglisting"
    )


class Migration(migrations.Migration):

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
        ('events', '0008_search_keys'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CatalogMeeting',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(verbose_name='day of the meeting')),
                ('voters', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), help_text='The names of the members who voted for the courses, as they were entered.', size=None)),
                ('recorded_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='recorded')),
            ],
            options={
                'ordering': ['-day', '-id'],
            },
        ),
        migrations.CreateModel(
            name='CatalogMeetingHistory',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_context', pghistory.utils.JSONField(null=True)),
                ('pgh_context_id', models.UUIDField(null=True)),
                ('id', models.BigIntegerField()),
                ('day', models.DateField(verbose_name='day of the meeting')),
                ('voters', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), help_text='The names of the members who voted for the courses, as they were entered.', size=None)),
                ('recorded_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='recorded')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.AlterModelOptions(
            name='cataloglisting',
            options={'ordering': ['-fiscal_year', 'event_id'], 'permissions': [('decide_listing', 'Can approve courses for the catalog, and remove them'), ('prepare_listing', 'Can prepare the course catalog for the committee')], 'verbose_name': 'course in the catalog', 'verbose_name_plural': 'course catalog'},
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='cataloglisting',
            name='insert_insert',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='cataloglisting',
            name='update_update',
        ),
        migrations.AddField(
            model_name='cataloglisting',
            name='is_from_before_meetings',
            field=models.BooleanField(default=False, editable=False, help_text="Decided before approvals named the committee's meeting."),
        ),
        migrations.AddField(
            model_name='cataloglistinghistory',
            name='is_from_before_meetings',
            field=models.BooleanField(default=False, editable=False, help_text="Decided before approvals named the committee's meeting."),
        ),
        migrations.AddField(
            model_name='catalogmeeting',
            name='recorded_by',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='cataloglisting',
            name='meeting',
            field=models.ForeignKey(editable=False, help_text="The committee's meeting that approved the course.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='listings', to='events.catalogmeeting'),
        ),
        migrations.AddField(
            model_name='cataloglistinghistory',
            name='meeting',
            field=models.ForeignKey(db_constraint=False, editable=False, help_text="The committee's meeting that approved the course.", null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='events.catalogmeeting'),
        ),
        migrations.AddField(
            model_name='catalogmeetinghistory',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='history', to='events.catalogmeeting'),
        ),
        migrations.AddField(
            model_name='catalogmeetinghistory',
            name='recorded_by',
            field=models.ForeignKey(db_constraint=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='catalogmeeting',
            constraint=aspen.db.constraints.CleanColumn(field='voters', kind='lines', name='events_catalogmeeting_voters_clean'),
        ),
        migrations.AddConstraint(
            model_name='catalogmeeting',
            constraint=models.UniqueConstraint(fields=('day', 'voters'), name='events_meeting_recorded_once'),
        ),
        migrations.AddConstraint(
            model_name='catalogmeeting',
            constraint=models.CheckConstraint(condition=models.Q(('voters__len__gte', 1)), name='events_meeting_has_voters', violation_error_message='Enter the names of the members who voted.'),
        ),
        migrations.AddConstraint(
            model_name='catalogmeeting',
            constraint=models.CheckConstraint(condition=models.Q(('day__lte', events.models.event.MountainDay('recorded_at'))), name='events_meeting_not_in_the_future', violation_error_message='The meeting cannot be in the future.'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='catalogmeeting',
            trigger=pgtrigger.compiler.Trigger(name='new_calendar_version', sql=pgtrigger.compiler.UpsertTriggerSql(constraint='CONSTRAINT', func='\n    INSERT INTO events_calendarversion AS version (id, number) VALUES (1, 1)\n    ON CONFLICT (id) DO UPDATE SET number = version.number + 1\n     WHERE version.xmin::text <> (pg_current_xact_id()::xid)::text;\n    RETURN NULL;\n', hash='0270a9ecedceac523c00154c343140ae8c5a83a4', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_new_calendar_version_2e26e', table='events_catalogmeeting', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='catalogmeeting',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "events_catalogmeetinghistory" ("day", "id", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "recorded_at", "recorded_by_id", "voters") VALUES (NEW."day", NEW."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, clock_timestamp(), \'insert\', NEW."id", NEW."recorded_at", NEW."recorded_by_id", NEW."voters"); RETURN NULL;', hash='8055f708f82756fc6aebbe09d36907cbee8f91cd', operation='INSERT', pgid='pgtrigger_insert_insert_22da9', table='events_catalogmeeting', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='catalogmeeting',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "events_catalogmeetinghistory" ("day", "id", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "recorded_at", "recorded_by_id", "voters") VALUES (NEW."day", NEW."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, clock_timestamp(), \'update\', NEW."id", NEW."recorded_at", NEW."recorded_by_id", NEW."voters"); RETURN NULL;', hash='d960916c8e21952d3aaf0282d229d1ae2dd670e4', operation='UPDATE', pgid='pgtrigger_update_update_d49e5', table='events_catalogmeeting', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='catalogmeetinghistory',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='8e5880416bc4a1567da6a6ef1bd3b4b0cacbfee7', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_844f8', table='events_catalogmeetinghistory', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='cataloglisting',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "events_cataloglistinghistory" ("decided_at", "decided_by_id", "event_id", "fiscal_year", "id", "is_from_before_meetings", "meeting_id", "moved_from_id", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "proposed_at", "proposed_by_id", "reason", "state") VALUES (NEW."decided_at", NEW."decided_by_id", NEW."event_id", NEW."fiscal_year", NEW."id", NEW."is_from_before_meetings", NEW."meeting_id", NEW."moved_from_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, clock_timestamp(), \'insert\', NEW."id", NEW."proposed_at", NEW."proposed_by_id", NEW."reason", NEW."state"); RETURN NULL;', hash='3a4820a5160fbd053115eb4ba65831b3c9881cc0', operation='INSERT', pgid='pgtrigger_insert_insert_f1a27', table='events_cataloglisting', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='cataloglisting',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "events_cataloglistinghistory" ("decided_at", "decided_by_id", "event_id", "fiscal_year", "id", "is_from_before_meetings", "meeting_id", "moved_from_id", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "proposed_at", "proposed_by_id", "reason", "state") VALUES (NEW."decided_at", NEW."decided_by_id", NEW."event_id", NEW."fiscal_year", NEW."id", NEW."is_from_before_meetings", NEW."meeting_id", NEW."moved_from_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, clock_timestamp(), \'update\', NEW."id", NEW."proposed_at", NEW."proposed_by_id", NEW."reason", NEW."state"); RETURN NULL;', hash='50219747a5fcf510f564fec3a4fe64131ca12b16', operation='UPDATE', pgid='pgtrigger_update_update_ec996', table='events_cataloglisting', when='AFTER')),
        ),
        migrations.RunPython(mark_decided_listings, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name='cataloglisting',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'approved'), models.Q(('meeting__isnull', False), ('is_from_before_meetings', True), _connector='OR')), models.Q(models.Q(('state', 'approved'), _negated=True), ('meeting', None)), _connector='OR'), name='events_listing_approved_at_meeting', violation_error_message='Enter the day of the meeting that approved the course, and who voted.'),
        ),
        migrations.RunPython(let_coordinators_prepare, let_coordinators_decide),
    ]
