"""Help articles, with their history. Visitors' pages are cached until one changes."""

import aspen.db.constraints
import django.db.models.deletion
import pghistory.utils
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('helpdesk', '0004_unread_answers'),
    ]

    operations = [
        migrations.CreateModel(
            name='ArticleHistory',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('pgh_context', pghistory.utils.JSONField(null=True)),
                ('pgh_context_id', models.UUIDField(null=True)),
                ('id', models.BigIntegerField()),
                ('title', models.CharField(max_length=120)),
                ('slug', models.SlugField(db_index=False, max_length=60, verbose_name='address')),
                ('text', models.TextField()),
                ('position', models.PositiveSmallIntegerField(default=100)),
                ('is_published', models.BooleanField(default=False, verbose_name='published')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Article',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('title', models.CharField(max_length=120, unique=True)),
                ('slug', models.SlugField(max_length=60, unique=True, verbose_name='address')),
                ('text', models.TextField()),
                ('position', models.PositiveSmallIntegerField(default=100)),
                ('is_published', models.BooleanField(default=False, verbose_name='published')),
            ],
            options={
                'verbose_name': 'help article',
                'ordering': ['position', 'title'],
                'constraints': [aspen.db.constraints.CleanColumn(field='title', kind='line', name='helpdesk_article_title_clean', required=True), aspen.db.constraints.CleanColumn(field='text', kind='text', name='helpdesk_article_text_clean', required=True), models.CheckConstraint(condition=models.Q(models.Q(('slug__in', ['new', 'queue']), _negated=True), models.Q(('slug__regex', '^[0-9]*$'), _negated=True)), name='helpdesk_article_slug_is_free', violation_error_message='Another page has this address. Choose another one.')],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='article',
            trigger=pgtrigger.compiler.Trigger(name='new_calendar_version', sql=pgtrigger.compiler.UpsertTriggerSql(constraint='CONSTRAINT', func='\n    INSERT INTO events_calendarversion AS version (id, number) VALUES (1, 1)\n    ON CONFLICT (id) DO UPDATE SET number = version.number + 1\n     WHERE version.xmin::text <> (pg_current_xact_id()::xid)::text;\n    RETURN NULL;\n', hash='e34c764f58c52a398af08bdafb8be9526bea4345', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_new_calendar_version_1e0b4', table='helpdesk_article', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='article',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "helpdesk_articlehistory" ("id", "is_published", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "slug", "text", "title") VALUES (NEW."id", NEW."is_published", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, clock_timestamp(), \'insert\', NEW."id", NEW."position", NEW."slug", NEW."text", NEW."title"); RETURN NULL;', hash='683453331ae4aee3b50b1c1da63fb97a96909622', operation='INSERT', pgid='pgtrigger_insert_insert_dadf5', table='helpdesk_article', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='article',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD.* IS DISTINCT FROM NEW.*)', func='INSERT INTO "helpdesk_articlehistory" ("id", "is_published", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "slug", "text", "title") VALUES (NEW."id", NEW."is_published", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, clock_timestamp(), \'update\', NEW."id", NEW."position", NEW."slug", NEW."text", NEW."title"); RETURN NULL;', hash='eb0ac1c9fdd397f3049608898360f23840cf89bf', operation='UPDATE', pgid='pgtrigger_update_update_5d222', table='helpdesk_article', when='AFTER')),
        ),
        migrations.AddField(
            model_name='articlehistory',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='history', to='helpdesk.article'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='articlehistory',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='0e9306afffb297b070a7af1e501c5cc2290b9880', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_2b426', table='helpdesk_articlehistory', when='BEFORE')),
        ),
    ]
