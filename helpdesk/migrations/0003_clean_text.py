"""Clean the stored text, and keep it clean."""

from django.db import migrations

from aspen.db.constraints import CleanColumn
from aspen.migrations._operations import AddCleanColumns


class Migration(migrations.Migration):
    dependencies = [('helpdesk', '0002_triggers'), ('aspen', '0002_clean_text')]

    operations = [
        AddCleanColumns('ticket', [
            CleanColumn(field='subject', kind='line', name='helpdesk_ticket_subject_clean'),
        ]),
        AddCleanColumns('message', [
            CleanColumn(field='body', kind='text', name='helpdesk_message_body_clean'),
        ]),
    ]
