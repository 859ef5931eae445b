import datetime
import hashlib
import json

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.functions import Now

from aspen.db.constraints import CleanColumn

# The shortest lists took a moment to apply, the longest half a minute.
APPLYING = datetime.timedelta(minutes=2)
DAY = datetime.timedelta(days=1)


def convert_lists(apps, schema_editor):
    """Turn [address, minutes, line] into rows with a name, times and seconds.

    Lists had no duplicates check, so one list may be stored several times for an event. Only the
    first is kept, with the time at which one of them was last applied.
    """
    kept = {}
    lists = apps.get_model("events", "AttendanceList").objects.order_by("pk")
    for each in lists.iterator(chunk_size=50):
        each.rows = [
            [int(line), address, "", None, None, int(minutes) * 60]
            for address, minutes, line in each.rows
        ]
        contents = sorted([row[1], -1, -1, row[5]] for row in each.rows)
        each.fingerprint = hashlib.sha256(json.dumps(contents).encode()).hexdigest()
        first = kept.setdefault((each.event_id, each.fingerprint, each.threshold), each)
        mark_registrations(apps, each)
        if first is each:
            each.save()
            continue
        if each.applied_at and (first.applied_at is None or first.applied_at < each.applied_at):
            first.applied_at, first.applied_by = each.applied_at, each.applied_by
        first.absentees |= each.absentees
        first.save()
        each.delete()


def mark_registrations(apps, each):
    """Say which marks the list made: those of the person and the time at which it was applied."""
    if each.applied_at is None:
        return
    marked = apps.get_model("events", "Registration").objects.filter(
        event=each.event_id,
        state="confirmed",
        attendance__in=["present", "absent"],
        minutes__isnull=False,
        marked_by=each.applied_by,
        marked_at__range=(each.applied_at - APPLYING, each.applied_at),
        walk_in=False,
    )
    each.absentees = marked.filter(attendance="absent", minutes=0).exists()
    marked.update(
        before_lists={
            "attendance": "unknown",
            "marked_at": None,
            "marked_by_id": None,
        }
    )


def restore_lists(apps, schema_editor):
    for each in apps.get_model("events", "AttendanceList").objects.order_by("pk"):
        seconds = {}
        for line, address, _name, joined, left, length in each.rows:
            if address:
                first, total = seconds.get(address, (line, 0))
                visit = max(0, (left or 0) - (joined or 0)) if length is None else length
                seconds[address] = (first, total + visit)
        each.rows = [
            [address, total // 60, line] for address, (line, total) in seconds.items()
        ]
        each.save(update_fields=["rows"])


def list_field(name, field, preserve_default=True):
    return migrations.AddField("attendancelist", name, field, preserve_default)


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0005_last_day"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            "AttendeeMatch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("alias", models.CharField(help_text="An address, or “name:” and the name in lower case (presence.py).", max_length=300)),
                ("name", models.CharField(help_text="The name or address as on the list.", max_length=300)),
                ("matched_at", models.DateTimeField(db_default=Now())),
                ("event", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="attendee_matches", to="events.event")),
                ("matched_by", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
                ("person", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="attendee_matches", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "verbose_name_plural": "attendee matches",
                "ordering": ["event_id", "alias"],
                "indexes": [models.Index(fields=["alias"], name="events_match_alias")],
                "constraints": [
                    CleanColumn(field="alias", kind="line", required=True, name="events_attendeematch_alias_clean"),
                    CleanColumn(field="name", kind="line", required=True, name="events_attendeematch_name_clean"),
                    models.UniqueConstraint(fields=("event", "alias"), name="events_attendee_matched_once"),
                    models.CheckConstraint(condition=~Q(alias__in=["", "name:"]), name="events_attendee_match_has_alias"),
                ],
            },
        ),
        list_field("shape", models.CharField(blank=True, help_text="The known report, such as “Zoom meeting report”.", max_length=150)),
        list_field("fingerprint", models.CharField(default="", help_text="The same for all lists with the same contents (presence.py).", max_length=64), preserve_default=False),
        list_field("notes", models.JSONField(default=list)),
        list_field("absentees", models.BooleanField(default=False, help_text="Registered people who are on no list are absent.")),
        list_field("walk_ins", models.BooleanField(default=False, help_text="People who have an account but did not register are added.")),
        list_field("registered", models.PositiveIntegerField(default=0)),
        list_field("named", models.PositiveIntegerField(default=0, help_text="Those who were on the list.")),
        list_field("newly_absent", models.PositiveIntegerField(default=0)),
        list_field("absent", models.PositiveIntegerField(default=0, help_text="Those who were absent according to all lists.")),
        list_field("is_confirmed", models.BooleanField(default=False, help_text="The absences were confirmed on a second page.")),
        list_field("undone_at", models.DateTimeField(null=True)),
        list_field("undone_by", models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
        migrations.AddField(
            "registration",
            "before_lists",
            models.JSONField(blank=True, editable=False, help_text="If attendance lists made the mark, the row before they did; empty if new.", null=True),
        ),
        migrations.RunPython(convert_lists, restore_lists),
        migrations.AddConstraint(
            "attendancelist",
            CleanColumn(field="shape", kind="line", name="events_attendancelist_shape_clean"),
        ),
        migrations.AddConstraint(
            "attendancelist",
            models.CheckConstraint(
                condition=Q(Q(undone_at=None, undone_by=None), Q(undone_at__isnull=False, undone_by__isnull=False), _connector="OR"),
                name="events_list_undone_both_or_neither",
            ),
        ),
        migrations.AddConstraint(
            "attendancelist",
            models.UniqueConstraint(
                fields=("event", "fingerprint", "threshold"),
                name="events_list_stored_once",
                violation_error_message="This list was uploaded before.",
            ),
        ),
        migrations.AddConstraint(
            "attendancelist",
            models.CheckConstraint(
                condition=Q(undone_at=None) | Q(applied_at__isnull=False, undone_at__gte=F("applied_at"), undone_at__lte=F("applied_at") + DAY),
                name="events_list_undone_within_a_day",
                violation_error_message="A list can be undone only within a day.",
            ),
        ),
        migrations.AddConstraint(
            "attendancelist",
            models.CheckConstraint(
                condition=Q(is_confirmed=True) | Q(applied_at=None) | Q(registered=0) | Q(named__gt=0) & (Q(newly_absent=0) | Q(registered__gte=F("absent") * 2)),
                name="events_list_of_many_absences_confirmed",
                violation_error_message="A list that makes more than half of the registered people absent, or names none of them, must be confirmed.",
            ),
        ),
        migrations.AddConstraint(
            "registration",
            models.CheckConstraint(
                condition=Q(before_lists__isnull=True) | Q(state="confirmed", attendance__in=["present", "absent"]),
                name="events_mark_from_lists_present_or_absent",
            ),
        ),
    ]
