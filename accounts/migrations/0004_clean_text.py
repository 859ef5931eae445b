"""Clean the stored text, and keep it clean."""

from django.db import migrations

from aspen.db.constraints import CleanColumn
from aspen.migrations._operations import AddCleanColumns
from aspen.text import clean_email


def clean_addresses(apps, schema_editor):
    """Clean the addresses that people sign in with.

    Delete those that cannot be used, and those that are on record without the invisible characters.
    """
    EmailAddress = apps.get_model("account", "EmailAddress")
    for row in EmailAddress.objects.exclude(email__regex=r"^[!-@\[-~]*$").order_by("pk"):
        cleaned = clean_email(row.email)
        if not cleaned.isascii() or EmailAddress.objects.filter(email=cleaned).exists():
            row.delete()
        else:
            EmailAddress.objects.filter(pk=row.pk).update(email=cleaned)


class Migration(migrations.Migration):
    dependencies = [('accounts', '0003_triggers'), ('aspen', '0002_clean_text'), ('account', '0009_emailaddress_unique_primary_email')]

    operations = [
        AddCleanColumns('user', [
            CleanColumn(field='display_name', kind='line', required=True, name='accounts_user_display_name_clean'),
            CleanColumn(field='email', kind='email', required=True, name='accounts_user_email_clean'),
        ]),
        AddCleanColumns('federation', [
            CleanColumn(field='name', kind='line', required=True, name='accounts_federation_name_clean'),
        ]),
        AddCleanColumns('organization', [
            CleanColumn(field='name', kind='line', required=True, name='accounts_organization_name_clean'),
            CleanColumn(field='city', kind='line', name='accounts_organization_city_clean'),
            CleanColumn(field='county', kind='line', name='accounts_organization_county_clean'),
            CleanColumn(field='source', kind='line', name='accounts_organization_source_clean'),
        ]),
        migrations.RunPython(clean_addresses, migrations.RunPython.noop),
        # The table is django-allauth's, so its model cannot declare the constraint.
        migrations.RunSQL(
            "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED;"
            " ALTER TABLE account_emailaddress ADD CONSTRAINT accounts_sign_in_address_clean"
            " CHECK (aspen_is_clean_email(email) AND email <> '')",
            "ALTER TABLE account_emailaddress DROP CONSTRAINT accounts_sign_in_address_clean",
        ),
    ]
