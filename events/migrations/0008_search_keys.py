"""Search keys of events."""

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import migrations, models

from aspen.db.search_keys import SearchKey, SearchKeyField


class Migration(migrations.Migration):
    dependencies = [('events', '0007_move_listings_with_merged_events'), ('aspen', '0004_search_keys')]

    operations = [
        migrations.AddField('event', 'search_key', models.GeneratedField(
            expression=SearchKey('title', 'sponsor', 'presenter', 'city'), output_field=SearchKeyField(), db_persist=True,
        )),
        migrations.AddIndex('event', GinIndex(OpClass('search_key', name='gin_trgm_ops'), name='events_search_key')),
    ]
