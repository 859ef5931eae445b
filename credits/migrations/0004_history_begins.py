from django.db import migrations

from aspen.db.audit import begin


class Migration(migrations.Migration):
    """What was there before the history gets its first entry."""

    dependencies = [("credits", "0003_evidence_merges_awards_history")]

    operations = [
        migrations.RunPython(
            begin("credits", ("Claim", "ClaimHistory"), ("Credit", "CreditHistory")),
            migrations.RunPython.noop,
        )
    ]
