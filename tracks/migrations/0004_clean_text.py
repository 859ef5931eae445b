"""Clean the stored text, and keep it clean."""

from django.db import migrations

from aspen.db.constraints import CleanColumn
from aspen.migrations._operations import AddCleanColumns


class Migration(migrations.Migration):
    dependencies = [('tracks', '0003_triggers'), ('aspen', '0002_clean_text')]

    operations = [
        AddCleanColumns('track', [
            CleanColumn(field='name', kind='line', required=True, name='tracks_track_name_clean'),
            CleanColumn(field='description', kind='text', name='tracks_track_description_clean'),
        ]),
        AddCleanColumns('ruleset', [
            CleanColumn(field='name', kind='line', required=True, name='tracks_ruleset_name_clean'),
            CleanColumn(field='audience', kind='line', name='tracks_ruleset_audience_clean'),
            CleanColumn(field='source', kind='text', required=True, name='tracks_ruleset_source_clean'),
        ]),
        AddCleanColumns('extension', [
            CleanColumn(field='reason', kind='text', name='tracks_extension_reason_clean'),
        ]),
        AddCleanColumns('submission', [
            CleanColumn(field='name', kind='line', name='tracks_submission_name_clean'),
            CleanColumn(field='listed_as', kind='line', name='tracks_submission_listed_as_clean'),
            CleanColumn(field='supervisor_name', kind='line', name='tracks_submission_supervisor_name_clean'),
            CleanColumn(field='verified_name', kind='line', name='tracks_submission_verified_name_clean'),
            CleanColumn(field='note', kind='text', name='tracks_submission_note_clean'),
            CleanColumn(field='reason', kind='text', name='tracks_submission_reason_clean'),
            CleanColumn(field='supervisor_email', kind='email', name='tracks_submission_supervisor_email_clean'),
        ]),
        AddCleanColumns('verification', [
            CleanColumn(field='supervisor_name', kind='line', name='tracks_verification_supervisor_name_clean'),
            CleanColumn(field='reason', kind='text', name='tracks_verification_reason_clean'),
            CleanColumn(field='supervisor_email', kind='email', name='tracks_verification_supervisor_email_clean'),
        ]),
        AddCleanColumns('certificate', [
            CleanColumn(field='name', kind='line', name='tracks_certificate_name_clean'),
            CleanColumn(field='listed_as', kind='line', name='tracks_certificate_listed_as_clean'),
            CleanColumn(field='coordinator_name', kind='line', name='tracks_certificate_coordinator_name_clean'),
            CleanColumn(field='supervisor_name', kind='line', name='tracks_certificate_supervisor_name_clean'),
            CleanColumn(field='revoked_reason', kind='text', name='tracks_certificate_revoked_reason_clean'),
        ]),
    ]
