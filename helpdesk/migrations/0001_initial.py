"""Tickets and corrections."""

from decimal import Decimal

from django.conf import settings
from django.db import migrations, models
from django.db.models import functions, lookups

from aspen.db.constraints import CompositeForeignKey
from aspen.halves import CreditAmountField
from aspen.migrations._operations import HISTORY_FIELDS, CreateModels


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ('credits', '0002_triggers'),
        ('events', '0003_triggers'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        CreateModels([
            migrations.CreateModel('Ticket', fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('person', models.ForeignKey(on_delete=models.PROTECT, related_name='tickets', to=settings.AUTH_USER_MODEL)),
                ('subject', models.CharField(max_length=300)),
                ('credit', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='tickets', to='credits.credit')),
                ('state', models.CharField(choices=[('open', 'Waiting for the help desk'), ('answered', 'Answered')], default='open', max_length=10)),
                ('opened_at', models.DateTimeField()),
                ('changed_at', models.DateTimeField()),
            ], options={
                'ordering': ['-changed_at', '-id'],
                'permissions': [('work_ticket', 'Can answer tickets and correct credits through them')],
                'indexes': [models.Index(fields=['state', 'changed_at'], name='helpdesk_queue')],
                'constraints': [
                    models.UniqueConstraint(fields=('id', 'person'), name='helpdesk_ticket_with_person'),
                    CompositeForeignKey(fields=['credit', 'person'], name='helpdesk_ticket_credit_same_person', to='credits.Credit', to_fields=['id', 'person']),
                    models.CheckConstraint(condition=models.Q(('state__in', ['open', 'answered'])), name='helpdesk_ticket_state_known'),
                    models.CheckConstraint(condition=models.Q(('subject', ''), _negated=True), name='helpdesk_ticket_has_subject'),
                ],
            }),
            migrations.CreateModel('TicketHistory', fields=[
                *HISTORY_FIELDS,
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=models.DO_NOTHING, related_name='history', to='helpdesk.ticket')),
                ('id', models.BigIntegerField()),
                ('person', models.ForeignKey(db_constraint=False, on_delete=models.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                ('subject', models.CharField(max_length=300)),
                ('credit', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=models.DO_NOTHING, related_name='+', related_query_name='+', to='credits.credit')),
                ('state', models.CharField(choices=[('open', 'Waiting for the help desk'), ('answered', 'Answered')], default='open', max_length=10)),
                ('opened_at', models.DateTimeField()),
                ('changed_at', models.DateTimeField()),
            ]),
            migrations.CreateModel('Message', fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ticket', models.ForeignKey(on_delete=models.PROTECT, related_name='messages', to='helpdesk.ticket')),
                ('author', models.ForeignKey(on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('body', models.TextField()),
                ('sent_at', models.DateTimeField()),
            ], options={
                'ordering': ['sent_at', 'id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('body', ''), _negated=True), name='helpdesk_message_not_empty')],
            }),
            migrations.CreateModel('Correction', fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ticket', models.ForeignKey(on_delete=models.PROTECT, related_name='corrections', to='helpdesk.ticket')),
                ('person', models.ForeignKey(on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('credit', models.ForeignKey(on_delete=models.PROTECT, related_name='corrections', to='credits.credit')),
                ('category_before', models.ForeignKey(on_delete=models.PROTECT, related_name='+', to='events.category')),
                ('category_after', models.ForeignKey(on_delete=models.PROTECT, related_name='+', to='events.category')),
                ('amount_before', CreditAmountField()),
                ('amount_after', CreditAmountField()),
                ('applied_by', models.ForeignKey(on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('applied_at', models.DateTimeField()),
            ], options={
                'ordering': ['applied_at', 'id'],
                'constraints': [
                    CompositeForeignKey(fields=['ticket', 'person'], name='helpdesk_correction_ticket_same_person', to='helpdesk.Ticket', to_fields=['id', 'person']),
                    CompositeForeignKey(fields=['credit', 'person'], name='helpdesk_correction_credit_same_person', to='credits.Credit', to_fields=['id', 'person']),
                    models.CheckConstraint(condition=models.Q(('amount_before', models.F('amount_after')), ('category_before', models.F('category_after')), _negated=True), name='helpdesk_correction_changes_something'),
                    models.CheckConstraint(condition=models.Q(('applied_by', models.F('person')), _negated=True), name='helpdesk_correction_not_by_owner'),
                    models.CheckConstraint(condition=models.Q(('amount_after__gte', Decimal('0.5')), lookups.Exact(functions.Mod('amount_after', Decimal('0.5')), 0)), name='helpdesk_correction_in_halves', violation_error_message='Enter credits in halves: 0.5, 1, 1.5 …'),
                ],
            }),
        ]),
    ]
