"""Tie a period to the track of the certificate it follows, and answers to the link's time."""

from django.db import migrations, models
from pgtrigger.compiler import Trigger, UpsertTriggerSql

from aspen.migrations._operations import AddTrigger


class Migration(migrations.Migration):
    dependencies = [('tracks', '0009_record_versions')]

    operations = [
        AddTrigger('participation', Trigger(name='follows_certificate_of_same_track', sql=UpsertTriggerSql(func="\n        IF NEW.follows_id IS NOT NULL AND NOT EXISTS (\n            SELECT FROM tracks_certificate AS certificate\n              JOIN tracks_participation AS certified ON certified.id = certificate.participation_id\n             WHERE certificate.id = NEW.follows_id AND certified.id <> NEW.id\n               AND certificate.person_id = NEW.person_id AND certified.track_id = NEW.track_id\n        ) OR EXISTS (\n            SELECT FROM tracks_certificate AS certificate\n              JOIN tracks_participation AS following ON following.follows_id = certificate.id\n             WHERE certificate.participation_id = NEW.id AND following.track_id <> NEW.track_id\n        ) THEN\n            RAISE check_violation USING\n                CONSTRAINT = 'tracks_follows_certificate_of_same_track',\n                MESSAGE = 'violates tracks_follows_certificate_of_same_track';\n        END IF;\n        RETURN NEW;\n    ", hash='8552a001fd7abf5c1949179b3299e0c65cf5ef22', operation='INSERT OR UPDATE OF "follows_id", "person_id", "track_id"', pgid='pgtrigger_follows_certificate_of_same_track_08bc0', table='tracks_participation', when='BEFORE'))),
        migrations.AddConstraint('verification', models.CheckConstraint(condition=models.Q(('answered_at', None), ('answer', 'withdrawn'), ('answered_at__lte', models.F('expires_at')), _connector='OR'), name='tracks_verification_answered_before_it_expires')),
    ]
