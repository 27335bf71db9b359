import devices.models.fields
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '__first__'),
        ('devices', '0004_commands_configuration_claims'),
        ('grouping', '0002_filters_and_batches'),
    ]

    operations = [
        migrations.CreateModel(
            name='DownloadSlot',
            fields=[
                ('number', models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ('holder', models.CharField(blank=True, max_length=32)),
                ('device_id', models.BigIntegerField(null=True)),
                ('until', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='UpdateRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('type', models.CharField(choices=[('sensor', 'Sensor'), ('actuator', 'Actuator'), ('controller', 'Controller'), ('gateway', 'Gateway')], max_length=16, unique=True)),
                ('pending_seconds', models.PositiveIntegerField(default=604800, validators=[django.core.validators.MinValueValidator(60), django.core.validators.MaxValueValidator(7776000)])),
                ('downloading_seconds', models.PositiveIntegerField(default=3600, validators=[django.core.validators.MinValueValidator(60), django.core.validators.MaxValueValidator(7776000)])),
                ('installing_seconds', models.PositiveIntegerField(default=1800, validators=[django.core.validators.MinValueValidator(60), django.core.validators.MaxValueValidator(7776000)])),
                ('health_seconds', models.PositiveIntegerField(default=86400, validators=[django.core.validators.MaxValueValidator(7776000)])),
                ('max_attempts', models.PositiveSmallIntegerField(default=3, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(20)])),
            ],
        ),
        migrations.CreateModel(
            name='Firmware',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', devices.models.fields.ExactCharField(max_length=64)),
                ('device_type', models.CharField(choices=[('sensor', 'Sensor'), ('actuator', 'Actuator'), ('controller', 'Controller'), ('gateway', 'Gateway')], max_length=16)),
                ('sequence', models.PositiveIntegerField()),
                ('release_notes', models.TextField(blank=True)),
                ('hardware', models.JSONField(blank=True, default=list)),
                ('is_stable', models.BooleanField(default=False)),
                ('file', models.CharField(blank=True, max_length=255)),
                ('url', models.CharField(blank=True, max_length=1000)),
                ('size', models.PositiveBigIntegerField()),
                ('checksum', models.CharField(max_length=64)),
                ('manifest', models.TextField(blank=True)),
                ('signature', models.TextField(blank=True)),
                ('created_at', models.DateTimeField()),
                ('withdrawn_at', models.DateTimeField(blank=True, null=True)),
                ('withdrawn_because', models.CharField(blank=True, max_length=300)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'firmware',
                'constraints': [models.UniqueConstraint(fields=('device_type', 'version'), name='one_firmware_per_version'), models.UniqueConstraint(fields=('device_type', 'sequence'), name='one_firmware_per_sequence'), models.UniqueConstraint(fields=('device_type', 'checksum'), name='one_firmware_per_content')],
            },
        ),
        migrations.CreateModel(
            name='Rollout',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120)),
                ('filter', models.TextField(blank=True, max_length=2000)),
                ('is_continuous', models.BooleanField(default=False)),
                ('waves', models.JSONField()),
                ('wave_counts', models.JSONField(null=True)),
                ('success_threshold', models.PositiveSmallIntegerField()),
                ('failure_threshold', models.PositiveSmallIntegerField()),
                ('max_parallel', models.PositiveIntegerField(null=True)),
                ('health_seconds', models.PositiveIntegerField(default=0)),
                ('window', models.JSONField(null=True)),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('running', 'Running'), ('paused', 'Paused'), ('completed', 'Completed'), ('cancelled', 'Cancelled')], default='draft', max_length=16)),
                ('current_wave', models.PositiveSmallIntegerField(default=0)),
                ('wave_done_at', models.DateTimeField(null=True)),
                ('paused_because', models.CharField(blank=True, max_length=300)),
                ('resumed_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(null=True)),
                ('completed_at', models.DateTimeField(null=True)),
                ('batch', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='grouping.batchoperation')),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('firmware', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rollouts', to='ota.firmware')),
                ('group', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='grouping.group')),
            ],
            options={
                'indexes': [models.Index(fields=['status', 'id'], name='rollout_by_status')],
            },
        ),
        migrations.CreateModel(
            name='Deployment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('previous_version', models.CharField(blank=True, max_length=64)),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('downloading', 'Downloading'), ('installing', 'Installing'), ('completed', 'Completed'), ('failed', 'Failed'), ('rolled_back', 'Rolled Back'), ('cancelled', 'Cancelled')], default='pending', max_length=16)),
                ('active_key', models.BigIntegerField(editable=False, null=True, unique=True)),
                ('progress', models.PositiveSmallIntegerField(default=0)),
                ('error_message', models.CharField(blank=True, max_length=500)),
                ('attempts', models.PositiveSmallIntegerField(default=1)),
                ('deadline_at', models.DateTimeField(null=True)),
                ('push_at', models.DateTimeField(null=True)),
                ('pushes', models.PositiveSmallIntegerField(default=0)),
                ('created_at', models.DateTimeField()),
                ('updated_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(null=True)),
                ('completed_at', models.DateTimeField(null=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('device', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deployments', to='devices.device')),
                ('firmware', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deployments', to='ota.firmware')),
                ('rollout', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='deployments', to='ota.rollout')),
            ],
            options={
                'indexes': [models.Index(fields=['device', 'id'], name='deployment_by_device'), models.Index(fields=['rollout', 'status', 'id'], name='deployment_by_rollout'), models.Index(fields=['status', 'deadline_at'], name='deployment_by_deadline'), models.Index(fields=['push_at'], name='deployment_by_push')],
            },
        ),
        migrations.CreateModel(
            name='RolloutDevice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('device_name', models.CharField(max_length=120)),
                ('wave', models.PositiveSmallIntegerField()),
                ('status', models.CharField(choices=[('planned', 'Planned'), ('deploying', 'Deploying'), ('succeeded', 'Succeeded'), ('failed', 'Failed'), ('skipped', 'Skipped'), ('cancelled', 'Cancelled')], default='planned', max_length=16)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('attempt', models.PositiveSmallIntegerField(default=1)),
                ('is_forgiven', models.BooleanField(default=False)),
                ('updated_at', models.DateTimeField()),
                ('deployment', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='place', to='ota.deployment')),
                ('device', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='devices.device')),
                ('rollout', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='places', to='ota.rollout')),
            ],
            options={
                'indexes': [models.Index(fields=['rollout', 'wave', 'status', 'id'], name='place_by_wave')],
                'constraints': [models.UniqueConstraint(fields=('rollout', 'device'), name='one_place_per_rollout_device')],
            },
        ),
        migrations.CreateModel(
            name='UploadedToday',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('bytes', models.PositiveBigIntegerField(default=0)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'day'), name='one_upload_sum_per_day')],
            },
        ),
        migrations.CreateModel(
            name='DeploymentEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('downloading', 'Downloading'), ('installing', 'Installing'), ('completed', 'Completed'), ('failed', 'Failed'), ('rolled_back', 'Rolled Back'), ('cancelled', 'Cancelled')], max_length=16)),
                ('at', models.DateTimeField()),
                ('said', models.CharField(blank=True, max_length=500)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('deployment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='events', to='ota.deployment')),
            ],
            options={
                'indexes': [models.Index(fields=['deployment', 'id'], name='event_by_deployment')],
            },
        ),
    ]
