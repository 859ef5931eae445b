"""The first version of the calendar, and news from the directory: filters show federations."""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION events_directory_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Once a transaction, as in events/models/triggers.py.
    UPDATE events_calendarversion SET number = number + 1
     WHERE xmin::text <> (pg_current_xact_id()::xid)::text;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER events_organization_changed
    AFTER UPDATE OR DELETE ON accounts_organization
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION events_directory_changed();
CREATE CONSTRAINT TRIGGER events_federation_changed
    AFTER INSERT OR UPDATE OR DELETE ON accounts_federation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION events_directory_changed();
"""
BACK = """
DROP TRIGGER events_federation_changed ON accounts_federation;
DROP TRIGGER events_organization_changed ON accounts_organization;
DROP FUNCTION events_directory_changed();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_reminders"),
        ("events", "0006_registration_and_attendance"),
    ]

    operations = [
        migrations.RunSQL(
            "INSERT INTO events_calendarversion (id, number) VALUES (1, 1)",
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(FUNCTION, BACK),
    ]
