"""The catalog of each fiscal year takes the place of one mark for all years, in the history too:
it was never offered in a release, and no shipped rule set asks for it."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0014_catalogue_from_the_mark'),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='event',
            name='insert_insert',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='event',
            name='update_update',
        ),
        migrations.RemoveField(
            model_name='event',
            name='in_catalogue',
        ),
        migrations.RemoveField(
            model_name='eventhistory',
            name='in_catalogue',
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='event',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='INSERT INTO "events_eventhistory" ("all_day", "allows_walk_ins", "audience", "begins_at", "cancellation", "capacity", "city", "created_by_id", "decided_at", "decided_by_id", "decision_reason", "delivery", "description", "ends_at", "has_waitlist", "id", "is_demonstration", "location", "merged_into_id", "organization_id", "origin", "parent_id", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "presenter", "recording_available_at", "recording_until_at", "recording_url", "registration_closes_at", "registration_mode", "registration_opens_at", "registration_url", "room", "series_key", "source_url", "sponsor", "state", "submitted_at", "title", "type") VALUES (NEW."all_day", NEW."allows_walk_ins", NEW."audience", NEW."begins_at", NEW."cancellation", NEW."capacity", NEW."city", NEW."created_by_id", NEW."decided_at", NEW."decided_by_id", NEW."decision_reason", NEW."delivery", NEW."description", NEW."ends_at", NEW."has_waitlist", NEW."id", NEW."is_demonstration", NEW."location", NEW."merged_into_id", NEW."organization_id", NEW."origin", NEW."parent_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, clock_timestamp(), \'insert\', NEW."id", NEW."presenter", NEW."recording_available_at", NEW."recording_until_at", NEW."recording_url", NEW."registration_closes_at", NEW."registration_mode", NEW."registration_opens_at", NEW."registration_url", NEW."room", NEW."series_key", NEW."source_url", NEW."sponsor", NEW."state", NEW."submitted_at", NEW."title", NEW."type"); RETURN NULL;', hash='b1a664526729806cd8c006934267469e615578ee', operation='INSERT', pgid='pgtrigger_insert_insert_82b94', table='events_event', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='event',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."all_day" IS DISTINCT FROM (NEW."all_day") OR OLD."allows_walk_ins" IS DISTINCT FROM (NEW."allows_walk_ins") OR OLD."audience" IS DISTINCT FROM (NEW."audience") OR OLD."begins_at" IS DISTINCT FROM (NEW."begins_at") OR OLD."cancellation" IS DISTINCT FROM (NEW."cancellation") OR OLD."capacity" IS DISTINCT FROM (NEW."capacity") OR OLD."city" IS DISTINCT FROM (NEW."city") OR OLD."created_by_id" IS DISTINCT FROM (NEW."created_by_id") OR OLD."decided_at" IS DISTINCT FROM (NEW."decided_at") OR OLD."decided_by_id" IS DISTINCT FROM (NEW."decided_by_id") OR OLD."decision_reason" IS DISTINCT FROM (NEW."decision_reason") OR OLD."delivery" IS DISTINCT FROM (NEW."delivery") OR OLD."description" IS DISTINCT FROM (NEW."description") OR OLD."ends_at" IS DISTINCT FROM (NEW."ends_at") OR OLD."has_waitlist" IS DISTINCT FROM (NEW."has_waitlist") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."is_demonstration" IS DISTINCT FROM (NEW."is_demonstration") OR OLD."location" IS DISTINCT FROM (NEW."location") OR OLD."merged_into_id" IS DISTINCT FROM (NEW."merged_into_id") OR OLD."organization_id" IS DISTINCT FROM (NEW."organization_id") OR OLD."origin" IS DISTINCT FROM (NEW."origin") OR OLD."parent_id" IS DISTINCT FROM (NEW."parent_id") OR OLD."presenter" IS DISTINCT FROM (NEW."presenter") OR OLD."recording_available_at" IS DISTINCT FROM (NEW."recording_available_at") OR OLD."recording_until_at" IS DISTINCT FROM (NEW."recording_until_at") OR OLD."recording_url" IS DISTINCT FROM (NEW."recording_url") OR OLD."registration_closes_at" IS DISTINCT FROM (NEW."registration_closes_at") OR OLD."registration_mode" IS DISTINCT FROM (NEW."registration_mode") OR OLD."registration_opens_at" IS DISTINCT FROM (NEW."registration_opens_at") OR OLD."registration_url" IS DISTINCT FROM (NEW."registration_url") OR OLD."room" IS DISTINCT FROM (NEW."room") OR OLD."series_key" IS DISTINCT FROM (NEW."series_key") OR OLD."source_url" IS DISTINCT FROM (NEW."source_url") OR OLD."sponsor" IS DISTINCT FROM (NEW."sponsor") OR OLD."state" IS DISTINCT FROM (NEW."state") OR OLD."submitted_at" IS DISTINCT FROM (NEW."submitted_at") OR OLD."title" IS DISTINCT FROM (NEW."title") OR OLD."type" IS DISTINCT FROM (NEW."type"))', func='INSERT INTO "events_eventhistory" ("all_day", "allows_walk_ins", "audience", "begins_at", "cancellation", "capacity", "city", "created_by_id", "decided_at", "decided_by_id", "decision_reason", "delivery", "description", "ends_at", "has_waitlist", "id", "is_demonstration", "location", "merged_into_id", "organization_id", "origin", "parent_id", "pgh_context", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "presenter", "recording_available_at", "recording_until_at", "recording_url", "registration_closes_at", "registration_mode", "registration_opens_at", "registration_url", "room", "series_key", "source_url", "sponsor", "state", "submitted_at", "title", "type") VALUES (NEW."all_day", NEW."allows_walk_ins", NEW."audience", NEW."begins_at", NEW."cancellation", NEW."capacity", NEW."city", NEW."created_by_id", NEW."decided_at", NEW."decided_by_id", NEW."decision_reason", NEW."delivery", NEW."description", NEW."ends_at", NEW."has_waitlist", NEW."id", NEW."is_demonstration", NEW."location", NEW."merged_into_id", NEW."organization_id", NEW."origin", NEW."parent_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_id\', TRUE), \'\'), NULL)::UUID, clock_timestamp(), \'update\', NEW."id", NEW."presenter", NEW."recording_available_at", NEW."recording_until_at", NEW."recording_url", NEW."registration_closes_at", NEW."registration_mode", NEW."registration_opens_at", NEW."registration_url", NEW."room", NEW."series_key", NEW."source_url", NEW."sponsor", NEW."state", NEW."submitted_at", NEW."title", NEW."type"); RETURN NULL;', hash='f9a1b308421d22008e166c6457db8d341bfcd909', operation='UPDATE', pgid='pgtrigger_update_update_73f59', table='events_event', when='AFTER')),
        ),
    ]
