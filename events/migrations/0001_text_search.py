"""Search that forgives accents and typing errors: two extensions and a search configuration."""

from django.contrib.postgres.operations import TrigramExtension, UnaccentExtension
from django.db import migrations


class Migration(migrations.Migration):
    initial = True

    operations = [
        UnaccentExtension(),
        TrigramExtension(),
        # A configuration, because plain unaccent() may not stand in a generated column.
        migrations.RunSQL(
            sql=[
                "CREATE TEXT SEARCH CONFIGURATION aspen (COPY = english)",
                "ALTER TEXT SEARCH CONFIGURATION aspen ALTER MAPPING FOR hword, hword_part, word"
                " WITH unaccent, english_stem",
            ],
            reverse_sql="DROP TEXT SEARCH CONFIGURATION aspen",
        ),
    ]
