"""Clean the stored text, and keep it clean."""

from django.db import migrations

from aspen.db.constraints import CleanColumn
from aspen.migrations._operations import AddCleanColumns


class Migration(migrations.Migration):
    dependencies = [('credits', '0002_triggers'), ('aspen', '0002_clean_text')]

    operations = [
        AddCleanColumns('claim', [
            CleanColumn(field='reason', kind='text', name='credits_claim_reason_clean'),
            CleanColumn(field='note', kind='text', name='credits_claim_note_clean'),
        ]),
        AddCleanColumns('credit', [
            CleanColumn(field='withdrawn_reason', kind='text', name='credits_credit_withdrawn_reason_clean'),
        ]),
        AddCleanColumns('evidence', [
            CleanColumn(field='file_name', kind='line', name='credits_evidence_file_name_clean'),
        ]),
        AddCleanColumns('merge', [
            CleanColumn(field='reason', kind='text', name='credits_merge_reason_clean'),
        ]),
        AddCleanColumns('awardlist', [
            CleanColumn(field='file_name', kind='line', name='credits_awardlist_file_name_clean'),
        ]),
        AddCleanColumns('waitingaward', [
            CleanColumn(field='address', kind='email', name='credits_waitingaward_address_clean'),
        ]),
    ]
