"""Files of messages in tickets."""

import django.db.models.deletion
from django.db import migrations, models

import aspen.db.constraints
import events.models.material


class Migration(migrations.Migration):
    dependencies = [('helpdesk', '0006_first_articles')]

    operations = [
        migrations.CreateModel(
            name='Attachment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('file', models.FileField(max_length=200, storage=events.models.material.upload_storage, upload_to='tickets')),
                ('file_name', models.CharField(max_length=150)),
                ('content_type', models.CharField(max_length=100)),
                ('size', models.PositiveIntegerField(help_text='In bytes.')),
                ('message', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attachments', to='helpdesk.message')),
            ],
            options={
                'ordering': ['message_id', 'id'],
                'constraints': [aspen.db.constraints.CleanColumn(field='file_name', kind='line', name='helpdesk_attachment_file_name_clean'), models.CheckConstraint(condition=models.Q(models.Q(('file', ''), _negated=True), models.Q(('file_name', ''), _negated=True), ('size__gte', 1)), name='helpdesk_attachment_is_a_file')],
            },
        ),
    ]
