"""Clean the stored text, and keep it clean."""

from django.db import migrations

from aspen.db.constraints import CleanColumn
from aspen.migrations._operations import AddCleanColumns


class Migration(migrations.Migration):
    dependencies = [('events', '0003_triggers'), ('aspen', '0002_clean_text')]

    operations = [
        AddCleanColumns('event', [
            CleanColumn(field='title', kind='line', name='events_event_title_clean'),
            CleanColumn(field='location', kind='line', name='events_event_location_clean'),
            CleanColumn(field='city', kind='line', name='events_event_city_clean'),
            CleanColumn(field='room', kind='line', name='events_event_room_clean'),
            CleanColumn(field='sponsor', kind='line', name='events_event_sponsor_clean'),
            CleanColumn(field='presenter', kind='line', name='events_event_presenter_clean'),
            CleanColumn(field='audience', kind='line', name='events_event_audience_clean'),
            CleanColumn(field='description', kind='text', name='events_event_description_clean'),
            CleanColumn(field='decision_reason', kind='text', name='events_event_decision_reason_clean'),
            CleanColumn(field='cancellation', kind='text', name='events_event_cancellation_clean'),
            CleanColumn(field='registration_url', kind='web_address', name='events_event_registration_url_clean'),
            CleanColumn(field='recording_url', kind='web_address', name='events_event_recording_url_clean'),
            CleanColumn(field='source_url', kind='web_address', name='events_event_source_url_clean'),
        ]),
        AddCleanColumns('cataloglisting', [
            CleanColumn(field='reason', kind='text', name='events_cataloglisting_reason_clean'),
        ]),
        AddCleanColumns('category', [
            CleanColumn(field='name', kind='line', required=True, name='events_category_name_clean'),
            CleanColumn(field='shape', kind='line', required=True, name='events_category_shape_clean'),
            CleanColumn(field='description', kind='text', name='events_category_description_clean'),
        ]),
        AddCleanColumns('resource', [
            CleanColumn(field='label', kind='line', required=True, name='events_resource_label_clean'),
            CleanColumn(field='file_name', kind='line', name='events_resource_file_name_clean'),
            CleanColumn(field='url', kind='web_address', name='events_resource_url_clean'),
        ]),
        AddCleanColumns('attendancelist', [
            CleanColumn(field='file_name', kind='line', required=True, name='events_attendancelist_file_name_clean'),
        ]),
        AddCleanColumns('question', [
            CleanColumn(field='label', kind='line', name='events_question_label_clean'),
            CleanColumn(field='choices', kind='lines', name='events_question_choices_clean'),
        ]),
        AddCleanColumns('answer', [
            CleanColumn(field='text', kind='text', name='events_answer_text_clean'),
        ]),
    ]
