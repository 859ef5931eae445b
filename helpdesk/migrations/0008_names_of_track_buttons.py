from django.db import migrations

# Which texts of the first articles name buttons that pages no longer have, and what replaces them.
CHANGES = {
    "choose-a-track": {
        "2. If you are not sure which track fits, say what you do and press **Show matching "
        "tracks**. If your": "2. If your",
    },
    "submit-your-record": {
        "**Review and submit your record**": "**Send my record**",
        "**Send to the CE Coordinator**": "**Send my record**",
    },
}


def rename(apps, schema_editor):
    """Correct the names where staff have not changed them."""
    Article = apps.get_model("helpdesk", "Article")
    for slug, changes in CHANGES.items():
        for article in Article.objects.filter(slug=slug):
            for before, after in changes.items():
                article.text = article.text.replace(before, after)
            article.save(update_fields=["text"])


class Migration(migrations.Migration):
    dependencies = [("helpdesk", "0007_attachment")]

    operations = [migrations.RunPython(rename, migrations.RunPython.noop)]
