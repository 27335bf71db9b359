import devices.models.fields
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '__first__'),
        ('devices', '0003_silence_rules'),
    ]

    operations = [
        migrations.CreateModel(
            name='Claim',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='ClaimCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code_hash', models.CharField(editable=False, max_length=64, unique=True)),
                ('hint', models.CharField(editable=False, max_length=8)),
                ('label', models.CharField(blank=True, max_length=120)),
                ('max_uses', models.PositiveIntegerField(default=1, validators=[django.core.validators.MinValueValidator(1)])),
                ('uses', models.PositiveIntegerField(default=0, editable=False)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(editable=False, null=True)),
                ('device_type', models.CharField(blank=True, choices=[('sensor', 'Sensor'), ('actuator', 'Actuator'), ('controller', 'Controller'), ('gateway', 'Gateway')], max_length=16)),
                ('zone', models.CharField(blank=True, max_length=64)),
                ('tags', models.JSONField(blank=True, default=list)),
                ('device_id_prefix', models.CharField(blank=True, max_length=64)),
                ('created_at', models.DateTimeField(editable=False)),
                ('last_used_at', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('uses__lte', models.F('max_uses'))), name='claim_code_not_overused')],
            },
        ),
        migrations.CreateModel(
            name='Command',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=64)),
                ('parameters', models.JSONField(default=dict)),
                ('status', models.CharField(choices=[('queued', 'Queued'), ('sent', 'Sent'), ('acknowledged', 'Acknowledged'), ('succeeded', 'Succeeded'), ('failed', 'Failed'), ('expired', 'Expired')], default='queued', max_length=16)),
                ('result', models.JSONField(null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('push_at', models.DateTimeField(null=True)),
                ('expires_at', models.DateTimeField()),
                ('request_key', devices.models.fields.ExactCharField(max_length=100, null=True, unique=True)),
                ('created_at', models.DateTimeField()),
                ('updated_at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['push_at'], name='command_by_push'), models.Index(fields=['status', 'expires_at'], name='command_by_expiry')],
            },
        ),
        migrations.CreateModel(
            name='CommandType',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', devices.models.fields.ExactCharField(max_length=64, validators=[django.core.validators.RegexValidator('^[A-Za-z][A-Za-z0-9_.-]{0,63}\\Z', 'A letter first, then letters, digits and _ . - only, at most 64.')])),
                ('device_type', models.CharField(blank=True, choices=[('sensor', 'Sensor'), ('actuator', 'Actuator'), ('controller', 'Controller'), ('gateway', 'Gateway')], default='', max_length=16)),
                ('label', models.CharField(blank=True, max_length=120)),
                ('description', models.CharField(blank=True, max_length=500)),
                ('schema', models.JSONField(blank=True, default=dict, help_text='JSON Schema (2020-12) of the parameters; {} takes any object.')),
                ('ttl_seconds', models.PositiveIntegerField(default=3600, help_text='How long it waits for the device, where the sender does not say.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(2592000)])),
                ('enabled', models.BooleanField(default=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('name', 'device_type'), name='one_command_type_per_name')],
            },
        ),
        migrations.CreateModel(
            name='Configuration',
            fields=[
                ('device', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='configuration', serialize=False, to='devices.device')),
                ('desired', models.JSONField(default=dict)),
                ('version', models.PositiveIntegerField(default=0)),
                ('desired_at', models.DateTimeField(null=True)),
                ('reported', models.JSONField(null=True)),
                ('reported_version', models.PositiveIntegerField(null=True)),
                ('reported_at', models.DateTimeField(null=True)),
                ('in_sync', models.BooleanField(default=True)),
                ('drift_at', models.DateTimeField(null=True)),
                ('drifted_at', models.DateTimeField(null=True)),
                ('push_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['push_at'], name='configuration_by_push'), models.Index(fields=['drift_at'], name='configuration_by_drift')],
            },
        ),
        migrations.CreateModel(
            name='ConfigurationVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField()),
                ('desired', models.JSONField()),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='TypeDefaults',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('type', models.CharField(choices=[('sensor', 'Sensor'), ('actuator', 'Actuator'), ('controller', 'Controller'), ('gateway', 'Gateway')], max_length=16, unique=True)),
                ('metrics', models.JSONField(blank=True, default=list)),
                ('tags', models.JSONField(blank=True, default=list)),
                ('metadata', models.JSONField(blank=True, default=dict)),
                ('configuration', models.JSONField(blank=True, default=dict)),
            ],
            options={
                'verbose_name': 'type defaults',
                'verbose_name_plural': 'type defaults',
            },
        ),
        migrations.AddField(
            model_name='device',
            name='deactivated_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='presence',
            name='socket_until',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name='device',
            index=models.Index(fields=['name', 'id'], name='device_by_name'),
        ),
        migrations.AddField(
            model_name='claim',
            name='device',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='claim', to='devices.device'),
        ),
        migrations.AddField(
            model_name='claimcode',
            name='created_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='claim',
            name='code',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='claims', to='devices.claimcode'),
        ),
        migrations.AddField(
            model_name='command',
            name='created_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='command',
            name='device',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='commands', to='devices.device'),
        ),
        migrations.AddField(
            model_name='configurationversion',
            name='by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='configurationversion',
            name='device',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='configuration_versions', to='devices.device'),
        ),
        migrations.AddIndex(
            model_name='command',
            index=models.Index(fields=['device', 'id'], name='command_by_device'),
        ),
        migrations.AddIndex(
            model_name='command',
            index=models.Index(fields=['device', 'status'], name='command_by_device_status'),
        ),
        migrations.AddConstraint(
            model_name='configurationversion',
            constraint=models.UniqueConstraint(fields=('device', 'version'), name='one_configuration_per_version'),
        ),
    ]
