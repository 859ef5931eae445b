"""People who have an account do not see the welcome page."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [('accounts', '0007_welcome')]

    operations = [
        migrations.RunSQL(
            "UPDATE accounts_user SET welcomed_at = now() WHERE welcomed_at IS NULL",
            migrations.RunSQL.noop,
        ),
    ]
