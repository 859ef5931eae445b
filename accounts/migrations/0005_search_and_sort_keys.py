"""Search and sort keys of people and organizations."""

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models

from aspen.db.search_keys import SearchKey, SearchKeyField


def add_key(model: str, name: str, *fields: str) -> migrations.AddField:
    return migrations.AddField(
        model, name, models.GeneratedField(expression=SearchKey(*fields), output_field=SearchKeyField(), db_persist=True)
    )


class Migration(migrations.Migration):
    dependencies = [('accounts', '0004_clean_text'), ('aspen', '0004_search_keys')]

    operations = [
        TrigramExtension(),
        add_key('organization', 'search_key', 'name', 'city'),
        add_key('organization', 'sort_key', 'name'),
        add_key('user', 'search_key', 'display_name', 'email'),
        add_key('user', 'sort_key', 'display_name'),
        migrations.AddIndex('user', GinIndex(OpClass('search_key', name='gin_trgm_ops'), name='accounts_user_search')),
        migrations.AlterModelOptions('organization', {'ordering': ['sort_key', 'city', 'id']}),
        migrations.AlterModelOptions('position', {'ordering': ['person_id', 'organization__sort_key', 'id']}),
        migrations.AlterModelOptions('user', {'ordering': ['sort_key', 'id'], 'verbose_name': 'person', 'verbose_name_plural': 'people'}),
    ]
