"""Claims with their credits and evidence, merges and awards."""

from decimal import Decimal

from django.conf import settings
from django.db import migrations, models
from django.db.models import functions, lookups

from aspen.db.constraints import CompositeForeignKey
from aspen.halves import CreditAmountField
from aspen.migrations._operations import HISTORY_FIELDS, CreateModels
from events.models.material import upload_storage


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ('events', '0003_triggers'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        CreateModels([
            migrations.CreateModel('Claim', fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('person', models.ForeignKey(on_delete=models.PROTECT, related_name='claims', to=settings.AUTH_USER_MODEL)),
                ('event', models.ForeignKey(on_delete=models.PROTECT, related_name='claims', to='events.event')),
                ('role', models.CharField(choices=[('attendee', 'Attendee'), ('presenter', 'Presenter')], default='attendee', max_length=10)),
                ('source', models.CharField(choices=[('registration', 'Registration'), ('calendar', 'Add CE credit'), ('list', 'Continuing Education list'), ('custom', 'Create New…'), ('presenting', 'Presenting'), ('award', 'Awarded by staff')], max_length=15)),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('approved', 'Approved'), ('returned', 'Returned for changes'), ('declined', 'Declined'), ('withdrawn', 'Withdrawn')], default='pending', max_length=10, verbose_name='status')),
                ('claimed_at', models.DateTimeField()),
                ('claimed_by', models.ForeignKey(on_delete=models.PROTECT, related_name='entered_claims', to=settings.AUTH_USER_MODEL)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('decided_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='decided_claims', to=settings.AUTH_USER_MODEL)),
                ('reason', models.TextField(blank=True, help_text='Why the claim was returned, declined or withdrawn.')),
                ('note', models.CharField(blank=True, help_text='A note from the person who made the claim.', max_length=1000)),
            ], options={
                'ordering': ['-claimed_at', '-id'],
                'permissions': [('decide_claim', 'Can approve and decline claims, and correct event credits'), ('award_credit', "Can award an event's credits to people")],
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(('state__in', ['approved', 'pending', 'returned'])), fields=('person', 'event'), name='credits_one_live_claim_per_event', violation_error_message='You have already claimed this event.'),
                    models.UniqueConstraint(fields=('id', 'person'), name='credits_claim_with_person'),
                    models.CheckConstraint(condition=models.Q(('role__in', ['attendee', 'presenter']), ('source__in', ['registration', 'calendar', 'list', 'custom', 'presenting', 'award']), ('state__in', ['pending', 'approved', 'returned', 'declined', 'withdrawn'])), name='credits_claim_choices_known'),
                    models.CheckConstraint(condition=models.Q(models.Q(('decided_at', None), ('decided_by', None)), models.Q(('decided_at__isnull', False), ('decided_by__isnull', False)), _connector='OR'), name='credits_claim_decided_both_or_neither'),
                    models.CheckConstraint(condition=models.Q(('state', 'pending'), ('decided_at__isnull', False), _connector='OR'), name='credits_claim_decision_recorded'),
                    models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['declined', 'returned', 'withdrawn']), _negated=True), models.Q(('reason', ''), _negated=True), _connector='OR'), name='credits_claim_refusal_has_reason'),
                    models.CheckConstraint(condition=models.Q(models.Q(('state', 'approved'), _negated=True), models.Q(('decided_by', models.F('person')), _negated=True), _connector='OR'), name='credits_claim_not_decided_by_claimant'),
                ],
            }),
            migrations.CreateModel('ClaimHistory', fields=[
                *HISTORY_FIELDS,
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=models.DO_NOTHING, related_name='history', to='credits.claim')),
                ('id', models.BigIntegerField()),
                ('person', models.ForeignKey(db_constraint=False, on_delete=models.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                ('event', models.ForeignKey(db_constraint=False, on_delete=models.DO_NOTHING, related_name='+', related_query_name='+', to='events.event')),
                ('role', models.CharField(choices=[('attendee', 'Attendee'), ('presenter', 'Presenter')], default='attendee', max_length=10)),
                ('source', models.CharField(choices=[('registration', 'Registration'), ('calendar', 'Add CE credit'), ('list', 'Continuing Education list'), ('custom', 'Create New…'), ('presenting', 'Presenting'), ('award', 'Awarded by staff')], max_length=15)),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('approved', 'Approved'), ('returned', 'Returned for changes'), ('declined', 'Declined'), ('withdrawn', 'Withdrawn')], default='pending', max_length=10, verbose_name='status')),
                ('claimed_at', models.DateTimeField()),
                ('claimed_by', models.ForeignKey(db_constraint=False, on_delete=models.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('decided_by', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=models.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                ('reason', models.TextField(blank=True, help_text='Why the claim was returned, declined or withdrawn.')),
                ('note', models.CharField(blank=True, help_text='A note from the person who made the claim.', max_length=1000)),
            ]),
            migrations.CreateModel('Credit', fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('claim', models.ForeignKey(on_delete=models.PROTECT, related_name='credits', to='credits.claim')),
                ('person', models.ForeignKey(on_delete=models.PROTECT, related_name='credits', to=settings.AUTH_USER_MODEL)),
                ('line', models.PositiveSmallIntegerField(help_text='Position of this line within the claim, starting at 1.')),
                ('category', models.ForeignKey(on_delete=models.PROTECT, related_name='credits', to='events.category')),
                ('amount', CreditAmountField()),
                ('withdrawn_at', models.DateTimeField(blank=True, null=True)),
                ('withdrawn_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('withdrawn_reason', models.TextField(blank=True)),
            ], options={
                'ordering': ['claim_id', 'line'],
                'constraints': [
                    models.UniqueConstraint(fields=('claim', 'line'), name='credits_one_credit_per_line'),
                    models.UniqueConstraint(fields=('id', 'person'), name='credits_credit_with_person'),
                    CompositeForeignKey(fields=['claim', 'person'], name='credits_credit_person_matches_claim', to='credits.Claim', to_fields=['id', 'person']),
                    models.CheckConstraint(condition=models.Q(('amount__gte', Decimal('0.5')), lookups.Exact(functions.Mod('amount', Decimal('0.5')), 0)), name='credits_amount_in_halves', violation_error_message='Enter credits in halves: 0.5, 1, 1.5 …'),
                    models.CheckConstraint(condition=models.Q(models.Q(('withdrawn_at', None), ('withdrawn_by', None), ('withdrawn_reason', '')), models.Q(('withdrawn_at__isnull', False), ('withdrawn_by__isnull', False), models.Q(('withdrawn_reason', ''), _negated=True)), _connector='OR'), name='credits_credit_withdrawn_all_or_none'),
                ],
            }),
            migrations.CreateModel('CreditHistory', fields=[
                *HISTORY_FIELDS,
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=models.DO_NOTHING, related_name='history', to='credits.credit')),
                ('id', models.BigIntegerField()),
                ('claim', models.ForeignKey(db_constraint=False, on_delete=models.DO_NOTHING, related_name='+', related_query_name='+', to='credits.claim')),
                ('person', models.ForeignKey(db_constraint=False, on_delete=models.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                ('line', models.PositiveSmallIntegerField(help_text='Position of this line within the claim, starting at 1.')),
                ('category', models.ForeignKey(db_constraint=False, on_delete=models.DO_NOTHING, related_name='+', related_query_name='+', to='events.category')),
                ('amount', CreditAmountField()),
                ('withdrawn_at', models.DateTimeField(blank=True, null=True)),
                ('withdrawn_by', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=models.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                ('withdrawn_reason', models.TextField(blank=True)),
            ]),
            migrations.CreateModel('Evidence', fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('claim', models.ForeignKey(on_delete=models.PROTECT, related_name='evidence', to='credits.claim')),
                ('person', models.ForeignKey(on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('file', models.FileField(max_length=200, storage=upload_storage, upload_to='evidence')),
                ('file_name', models.CharField(max_length=150)),
                ('content_type', models.CharField(max_length=100)),
                ('size', models.PositiveIntegerField(help_text='In bytes.')),
                ('added_at', models.DateTimeField(db_default=functions.Now())),
            ], options={
                'verbose_name_plural': 'evidence',
                'ordering': ['claim_id', 'id'],
                'constraints': [
                    CompositeForeignKey(fields=['claim', 'person'], name='credits_evidence_person_matches_claim', to='credits.Claim', to_fields=['id', 'person']),
                    models.CheckConstraint(condition=models.Q(models.Q(('file', ''), _negated=True), models.Q(('file_name', ''), _negated=True), ('size__gte', 1)), name='credits_evidence_is_a_file'),
                ],
            }),
            migrations.CreateModel('EvidenceHistory', fields=[
                *HISTORY_FIELDS,
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=models.DO_NOTHING, related_name='history', to='credits.evidence')),
                ('id', models.BigIntegerField()),
                ('claim', models.ForeignKey(db_constraint=False, on_delete=models.DO_NOTHING, related_name='+', related_query_name='+', to='credits.claim')),
                ('person', models.ForeignKey(db_constraint=False, on_delete=models.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                ('file', models.FileField(max_length=200, storage=upload_storage, upload_to='evidence')),
                ('file_name', models.CharField(max_length=150)),
                ('content_type', models.CharField(max_length=100)),
                ('size', models.PositiveIntegerField(help_text='In bytes.')),
                ('added_at', models.DateTimeField(db_default=functions.Now())),
            ]),
            migrations.CreateModel('Draft', fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('person', models.OneToOneField(on_delete=models.PROTECT, related_name='draft', to=settings.AUTH_USER_MODEL)),
                ('typed', models.JSONField(default=dict, help_text='Form input by field name.')),
                ('kept_at', models.DateTimeField()),
            ], options={'ordering': ['person_id']}),
            migrations.CreateModel('Merge', fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.ForeignKey(on_delete=models.PROTECT, related_name='merges', to='events.event')),
                ('target', models.ForeignKey(on_delete=models.PROTECT, related_name='merges_into', to='events.event')),
                ('reason', models.CharField(blank=True, max_length=1000)),
                ('was', models.CharField(choices=[('draft', 'Draft'), ('pending', 'Waiting for approval'), ('published', 'Published'), ('cancelled', 'Canceled'), ('declined', 'Declined'), ('merged', 'Merged')], help_text='The status of the duplicate event before the merge.', max_length=10)),
                ('moved', models.JSONField(default=list, help_text='Claims that moved, with their earlier states.')),
                ('dropped', models.JSONField(default=list, help_text='Duplicate claims that were withdrawn, with their earlier states.')),
                ('merged_at', models.DateTimeField()),
                ('merged_by', models.ForeignKey(on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('undone_at', models.DateTimeField(blank=True, null=True)),
                ('undone_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ], options={
                'ordering': ['-merged_at', '-id'],
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(('undone_at', None)), fields=('source',), name='credits_event_merged_once'),
                    models.CheckConstraint(condition=models.Q(('source', models.F('target')), _negated=True), name='credits_merged_into_another'),
                    models.CheckConstraint(condition=models.Q(models.Q(('undone_at', None), ('undone_by', None)), models.Q(('undone_at__isnull', False), ('undone_by__isnull', False)), _connector='OR'), name='credits_merge_undone_both_or_neither'),
                ],
            }),
            migrations.CreateModel('AwardList', fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event', models.ForeignKey(on_delete=models.PROTECT, related_name='award_lists', to='events.event')),
                ('file_name', models.CharField(blank=True, max_length=150)),
                ('rows', models.JSONField(default=list)),
                ('refused', models.JSONField(default=list)),
                ('uploaded_by', models.ForeignKey(on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('uploaded_at', models.DateTimeField(db_default=functions.Now())),
                ('applied_at', models.DateTimeField(blank=True, null=True)),
                ('applied_by', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ], options={
                'ordering': ['-uploaded_at', '-id'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('applied_at', None), ('applied_by', None)), models.Q(('applied_at__isnull', False), ('applied_by__isnull', False)), _connector='OR'), name='credits_award_list_applied_both_or_neither')],
            }),
            migrations.CreateModel('WaitingAward', fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event', models.ForeignKey(on_delete=models.PROTECT, related_name='waiting_awards', to='events.event')),
                ('address', models.EmailField(max_length=254, verbose_name='e-mail address')),
                ('awarded_at', models.DateTimeField()),
                ('awarded_by', models.ForeignKey(on_delete=models.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('claim', models.OneToOneField(blank=True, null=True, on_delete=models.PROTECT, related_name='+', to='credits.claim')),
                ('matched_at', models.DateTimeField(blank=True, help_text='When the award stopped waiting, with or without a claim.', null=True)),
            ], options={
                'ordering': ['event_id', 'address'],
                'constraints': [
                    models.UniqueConstraint(fields=('event', 'address'), name='credits_one_award_per_address'),
                    models.CheckConstraint(condition=models.Q(('address', functions.Lower('address')), models.Q(('address', ''), _negated=True)), name='credits_award_address_in_lower_case'),
                    models.CheckConstraint(condition=models.Q(('claim', None), ('matched_at__isnull', False), _connector='OR'), name='credits_award_claim_has_matched_at'),
                ],
            }),
        ]),
    ]
