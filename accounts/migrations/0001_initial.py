"""People and libraries."""

from django.conf import settings
from django.db import migrations, models
from django.db.models import functions

from aspen.migrations._operations import HISTORY_FIELDS, CreateModels


class Migration(migrations.Migration):
    initial = True

    dependencies = [('auth', '0012_alter_user_first_name_max_length')]

    operations = [
        CreateModels([
            migrations.CreateModel('User', fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('email', models.EmailField(max_length=254, unique=True, verbose_name='e-mail address')),
                ('display_name', models.CharField(max_length=150, verbose_name='name')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('is_staff', models.BooleanField(default=False, help_text='Can open the administration pages.', verbose_name='staff')),
                ('wants_reminders', models.BooleanField(default=True, help_text='An e-mail the day before an event.', verbose_name='reminders')),
                ('wants_certification_reminders', models.BooleanField(default=True, help_text='E-mails before a certificate or period ends, and after a year without credits.', verbose_name='certification reminders')),
                ('shows_progress', models.BooleanField(default=False, help_text="The director of the person's library, and for trustees the board chair, can see progress and certificates.", verbose_name='shows progress')),
                ('is_demonstration', models.BooleanField(default=False, editable=False, verbose_name='demonstration account')),
                ('joined_at', models.DateTimeField(db_default=functions.Now(), editable=False, verbose_name='joined')),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ], options={
                'verbose_name': 'person',
                'verbose_name_plural': 'people',
                'ordering': ['display_name', 'id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('email', functions.Lower('email'))), name='accounts_email_in_lower_case')],
            }),
            migrations.CreateModel('AccountHistory', fields=[
                *HISTORY_FIELDS,
                ('pgh_obj', models.ForeignKey(db_constraint=False, on_delete=models.DO_NOTHING, related_name='history', to=settings.AUTH_USER_MODEL)),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail address')),
                ('display_name', models.CharField(max_length=150, verbose_name='name')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('is_staff', models.BooleanField(default=False, help_text='Can open the administration pages.', verbose_name='staff')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('shows_progress', models.BooleanField(default=False, help_text="The director of the person's library, and for trustees the board chair, can see progress and certificates.", verbose_name='shows progress')),
            ]),
            migrations.CreateModel('PersonInRole', fields=[], options={'proxy': True}, bases=('accounts.user_groups',)),
            migrations.CreateModel('RoleHistory', fields=[
                *HISTORY_FIELDS,
                ('id', models.BigIntegerField()),
                ('user', models.ForeignKey(db_constraint=False, db_tablespace='', on_delete=models.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL)),
                ('group', models.ForeignKey(db_constraint=False, db_tablespace='', on_delete=models.DO_NOTHING, related_name='+', related_query_name='+', to='auth.group')),
            ]),
            migrations.CreateModel('Federation', fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60, unique=True)),
            ], options={'ordering': ['name']}),
            migrations.CreateModel('Organization', fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200)),
                ('kind', models.CharField(choices=[('public', 'Public library'), ('academic', 'Academic library'), ('tribal college', 'Tribal college library'), ('school', 'School library'), ('special', 'Special library'), ('state', 'State library'), ('organization', 'Organization')], max_length=20)),
                ('city', models.CharField(blank=True, max_length=80)),
                ('county', models.CharField(blank=True, max_length=80)),
                ('federation', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='organizations', to='accounts.federation')),
                ('parent', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='branches', to='accounts.organization')),
                ('source', models.CharField(blank=True, help_text='Where this information comes from.', max_length=300)),
                ('import_key', models.CharField(editable=False, max_length=80, null=True, unique=True)),
                ('import_digest', models.CharField(blank=True, editable=False, max_length=64)),
            ], options={
                'ordering': ['name', 'city', 'id'],
                'constraints': [
                    models.UniqueConstraint(models.F('name'), models.F('city'), name='accounts_one_organization_per_name_and_city'),
                    models.CheckConstraint(condition=models.Q(('kind__in', ['public', 'academic', 'tribal college', 'school', 'special', 'state', 'organization'])), name='accounts_organization_kind_known'),
                    models.CheckConstraint(condition=models.Q(('parent', None), models.Q(('parent', models.F('id')), _negated=True), _connector='OR'), name='accounts_organization_not_own_parent'),
                ],
            }),
            migrations.CreateModel('Position', fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('person', models.ForeignKey(on_delete=models.PROTECT, related_name='positions', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(on_delete=models.PROTECT, related_name='positions', to='accounts.organization')),
                ('kind', models.CharField(choices=[('director', 'Director'), ('staff', 'Staff'), ('trustee', 'Trustee'), ('board_chair', 'Board chair'), ('friend', 'Friend of the library')], max_length=20)),
                ('since_on', models.DateField(blank=True, null=True, verbose_name='since')),
                ('until_on', models.DateField(blank=True, null=True, verbose_name='until')),
                ('supervisor', models.ForeignKey(blank=True, null=True, on_delete=models.PROTECT, related_name='supervised_positions', to=settings.AUTH_USER_MODEL)),
                ('is_confirmed', models.BooleanField(default=False, help_text="Confirmed by staff. Lets a director see the people at the library, and a board chair see the board's hours.", verbose_name='confirmed')),
            ], options={
                'ordering': ['person_id', 'organization__name', 'id'],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('kind__in', ['director', 'staff', 'trustee', 'board_chair', 'friend'])), name='accounts_position_kind_known'),
                    models.CheckConstraint(condition=models.Q(('until_on', None), ('since_on', None), ('until_on__gte', models.F('since_on')), _connector='OR'), name='accounts_position_ends_after_it_begins', violation_error_message='A position cannot end before the day it starts.'),
                    models.CheckConstraint(condition=models.Q(('supervisor', None), models.Q(('supervisor', models.F('person')), _negated=True), _connector='OR'), name='accounts_position_not_own_supervisor', violation_error_message='A person cannot be their own supervisor.'),
                    models.UniqueConstraint(condition=models.Q(('until_on', None)), fields=('person', 'organization', 'kind'), name='accounts_one_open_position_per_kind', violation_error_message='This position is already on the list.'),
                ],
            }),
        ]),
    ]
