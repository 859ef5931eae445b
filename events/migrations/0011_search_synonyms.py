"""Words that mean the same to the calendar's search, with a first list that staff can edit."""

import aspen.db.constraints
import django.db.models.deletion
import django.db.models.functions.text
import pghistory.utils
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

ONE_WAY = [
    ("excel", "spreadsheet"),
    ("powerpoint", "presentation software"),
    ("zoom", "videoconferencing"),
    ("dewey", "classification"),
    ("marc", "cataloging"),
    ("oclc", "cataloging"),
    ("toddler", "early literacy"),
    ("budgeting", "finance"),
    ("homelessness", "social services"),
]
BOTH_WAYS = [
    ("weeding", "deselection"),
    ("weeding", "discard"),
    ("storytime", "story time"),
    ("e-book", "ebook"),
    ("ebook", "digital book"),
    ("website", "web site"),
    ("trustee", "board member"),
    ("ILL", "interlibrary loan"),
    ("genealogy", "family history"),
    ("first amendment", "free speech"),
    ("book challenge", "intellectual freedom"),
    ("banned books", "intellectual freedom"),
    ("teens", "young adult"),
    ("kids", "children"),
    ("AI", "artificial intelligence"),
    ("cybersecurity", "security"),
    ("accessibility", "disability"),
    ("ADA", "accessibility"),
    ("reader's advisory", "book recommendations"),
    ("makerspace", "maker"),
    ("summer reading", "summer learning"),
    ("strategic plan", "planning"),
    ("fundraising", "grants"),
    ("preservation", "conservation"),
    ("book repair", "mending"),
    ("circulation", "checkout"),
    ("customer service", "patron service"),
    ("HR", "personnel"),
    ("job seekers", "workforce"),
    ("outreach", "community engagement"),
]
# These roles can also edit the descriptions of categories.
EDITING_ROLES = ["CE Coordinators", "Administrators"]


def add_first_words(apps, schema_editor):
    Synonym = apps.get_model("events", "Synonym")
    Synonym.objects.bulk_create(
        Synonym(word=word, also=also, works_both_ways=pairs is BOTH_WAYS)
        for pairs in (ONE_WAY, BOTH_WAYS)
        for word, also in pairs
    )
    if schema_editor:  # pending deferred triggers would block the index
        schema_editor.connection.check_constraints()


def let_staff_edit(apps, schema_editor):
    """Give the permissions to roles that exist. `migrate` creates those of a new database."""
    groups = apps.get_model("auth", "Group").objects.filter(name__in=EDITING_ROLES)
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="events", model="synonym"
    )
    for action in ("view", "add", "change", "delete"):
        permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
            content_type=content_type,
            codename=f"{action}_synonym",
            defaults={"name": f"Can {action} synonym"},
        )
        for group in groups.order_by("pk"):
            group.permissions.add(permission)


class Migration(migrations.Migration):

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
        ('events', '0010_category_short_names'),
    ]

    operations = [
        migrations.CreateModel(
            name='SynonymHistory',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_context', pghistory.utils.JSONField(null=True)),
                ('pgh_context_id', models.UUIDField(null=True)),
                ('id', models.BigIntegerField()),
                ('word', models.CharField(max_length=60, verbose_name='when people search for')),
                ('also', models.CharField(max_length=60, verbose_name='also search for')),
                ('works_both_ways', models.BooleanField(default=True, help_text='People who search for the second word also find events with the first one.', verbose_name='and the other way around')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Synonym',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('word', models.CharField(max_length=60, verbose_name='when people search for')),
                ('also', models.CharField(max_length=60, verbose_name='also search for')),
                ('works_both_ways', models.BooleanField(default=True, help_text='People who search for the second word also find events with the first one.', verbose_name='and the other way around')),
            ],
            options={
                'ordering': ['word', 'also', 'id'],
                'constraints': [aspen.db.constraints.CleanColumn(field='word', kind='line', name='events_synonym_word_clean', required=True), aspen.db.constraints.CleanColumn(field='also', kind='line', name='events_synonym_also_clean', required=True), models.UniqueConstraint(django.db.models.functions.text.Lower('word'), django.db.models.functions.text.Lower('also'), name='events_synonym_once', violation_error_message='These words are already in the list.'), models.CheckConstraint(condition=models.Q(('also__iexact', models.F('word')), _negated=True), name='events_synonym_of_another_word', violation_error_message='Enter two different words.')],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='synonym',
            trigger=pgtrigger.compiler.Trigger(name='new_calendar_version', sql=pgtrigger.compiler.UpsertTriggerSql(constraint='CONSTRAINT', func='\n    INSERT INTO events_calendarversion AS version (id, number) VALUES (1, 1)\n    ON CONFLICT (id) DO UPDATE SET number = version.number + 1\n     WHERE version.xmin::text <> (pg_current_xact_id()::xid)::text;\n    RETURN NULL;\n', hash='5529431d954f49fd0753c9d6bef0ab443ae37a0a', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_new_calendar_version_857fb', table='events_synonym', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='synonym',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "events_synonymhistory" ("also", "id", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "word", "works_both_ways") VALUES (NEW."also", NEW."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, clock_timestamp(), \'insert\', NEW."id", NEW."word", NEW."works_both_ways"); RETURN NULL;', hash='1ba9106a1938bf90848249a156d54b4439a07743', operation='INSERT', pgid='pgtrigger_insert_insert_f418d', table='events_synonym', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='synonym',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "events_synonymhistory" ("also", "id", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "word", "works_both_ways") VALUES (NEW."also", NEW."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, clock_timestamp(), \'update\', NEW."id", NEW."word", NEW."works_both_ways"); RETURN NULL;', hash='a4913e7f01a63b4e72734bfc156cb5a34feaeba1', operation='UPDATE', pgid='pgtrigger_update_update_d8c0a', table='events_synonym', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='synonym',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "events_synonymhistory" ("also", "id", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "word", "works_both_ways") VALUES (OLD."also", OLD."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, clock_timestamp(), \'delete\', OLD."id", OLD."word", OLD."works_both_ways"); RETURN NULL;', hash='f958906f9405b5e89241b56f8b40d785c8464b20', operation='DELETE', pgid='pgtrigger_delete_delete_2730a', table='events_synonym', when='AFTER')),
        ),
        migrations.AddField(
            model_name='synonymhistory',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='history', to='events.synonym'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='synonymhistory',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='072582af2e4ba4deaa1c904c817f0ff4c0862f8e', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_e31b6', table='events_synonymhistory', when='BEFORE')),
        ),
        migrations.RunPython(add_first_words, migrations.RunPython.noop),
        migrations.RunPython(let_staff_edit, migrations.RunPython.noop),
    ]
