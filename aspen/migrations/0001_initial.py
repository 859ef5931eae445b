"""The outbox."""

from django.conf import settings
from django.db import migrations, models
from django.db.models import functions


class Migration(migrations.Migration):
    initial = True

    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.CreateModel('Mail', fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('kind', models.CharField(help_text='The composer\'s name in outbox.composers.', max_length=40)),
            ('key', models.CharField(max_length=200, unique=True)),
            ('to', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('to_name', models.CharField(blank=True, max_length=150)),
            ('to_address', models.EmailField(blank=True, max_length=254)),
            ('facts', models.JSONField(default=dict, help_text='The ids and strings that the composer needs.')),
            ('state', models.CharField(choices=[('waiting', 'Waiting'), ('sending', 'Being sent'), ('sent', 'Sent'), ('dropped', 'No longer needed'), ('failed', 'Failed'), ('uncertain', 'Possibly sent')], default='waiting', max_length=10)),
            ('created_at', models.DateTimeField(db_default=functions.Now())),
            ('next_try_at', models.DateTimeField(db_default=functions.Now())),
            ('attempts', models.PositiveSmallIntegerField(default=0)),
            ('begun_at', models.DateTimeField(null=True)),
            ('sent_at', models.DateTimeField(null=True)),
            ('address', models.EmailField(blank=True, max_length=254)),
            ('subject', models.CharField(blank=True, max_length=300)),
            ('error', models.TextField(blank=True)),
        ], options={
            'verbose_name': 'message',
            'ordering': ['id'],
            'permissions': [('resend_mail', 'Can send a message again')],
            'indexes': [models.Index(condition=models.Q(('state__in', ['waiting', 'sending'])), fields=['next_try_at', 'id'], name='aspen_mail_to_send')],
            'constraints': [
                models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'sending', 'sent', 'dropped', 'failed', 'uncertain'])), name='aspen_mail_state_known'),
                models.CheckConstraint(condition=models.Q(models.Q(('to__isnull', False), ('to_address', ''), ('to_name', '')), models.Q(('to', None), models.Q(('to_address', ''), _negated=True)), _connector='OR'), name='aspen_mail_to_one_person'),
                models.CheckConstraint(condition=models.Q(models.Q(('sent_at__isnull', False), ('state', 'sent')), models.Q(models.Q(('state', 'sent'), _negated=True), ('sent_at', None)), _connector='OR'), name='aspen_mail_sent_at_matches_state'),
                models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['sending', 'uncertain']), _negated=True), ('begun_at__isnull', False), _connector='OR'), name='aspen_mail_sending_has_begun_at'),
            ],
        }),
    ]
