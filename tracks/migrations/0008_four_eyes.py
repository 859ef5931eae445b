import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('tracks', '0007_count_from_the_day_sent'),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name='submission',
            trigger=pgtrigger.compiler.Trigger(name='submission_not_verified_by_reviewer', sql=pgtrigger.compiler.UpsertTriggerSql(func='IF NEW.verified_by_id = NEW.reviewed_by_id OR EXISTS (SELECT FROM tracks_verification AS question WHERE submission_id = NEW.id AND (answered_at IS NULL OR answer = \'verified\') AND (question.supervisor_id = NEW.reviewed_by_id OR EXISTS (\n    SELECT FROM accounts_user WHERE id = NEW.reviewed_by_id AND lower(email) = lower(question.supervisor_email)\n) OR EXISTS (\n    SELECT FROM account_emailaddress WHERE user_id = NEW.reviewed_by_id AND lower(email) = lower(question.supervisor_email)\n))) THEN RAISE EXCEPTION \'violates check constraint "tracks_submission_not_verified_by_reviewer"\'\n    USING ERRCODE = \'check_violation\', CONSTRAINT = \'tracks_submission_not_verified_by_reviewer\'; END IF; RETURN NEW;', hash='793dbe786e2a07ffbd2d144d3484e17959cf402c', operation='INSERT OR UPDATE OF "reviewed_by_id", "verified_by_id"', pgid='pgtrigger_submission_not_verified_by_reviewer_b5f47', table='tracks_submission', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='verification',
            trigger=pgtrigger.compiler.Trigger(name='supervisor_is_not_reviewer', sql=pgtrigger.compiler.UpsertTriggerSql(func='IF NEW.answer <> \'withdrawn\' AND NEW.answer <> \'refused\' AND EXISTS (SELECT FROM tracks_submission AS submission WHERE id = NEW.submission_id AND (NEW.supervisor_id = submission.reviewed_by_id OR EXISTS (\n    SELECT FROM accounts_user WHERE id = submission.reviewed_by_id AND lower(email) = lower(NEW.supervisor_email)\n) OR EXISTS (\n    SELECT FROM account_emailaddress WHERE user_id = submission.reviewed_by_id AND lower(email) = lower(NEW.supervisor_email)\n))) THEN RAISE EXCEPTION \'violates check constraint "tracks_supervisor_is_not_reviewer"\'\n    USING ERRCODE = \'check_violation\', CONSTRAINT = \'tracks_supervisor_is_not_reviewer\'; END IF; RETURN NEW;', hash='41da25e0b54aafe469b51ba6605f82fafddf7ca2', operation='INSERT OR UPDATE OF "answer", "supervisor_id", "supervisor_email"', pgid='pgtrigger_supervisor_is_not_reviewer_1e0c2', table='tracks_verification', when='BEFORE')),
        ),
    ]
