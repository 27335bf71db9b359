import devices.models.fields
import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Credential',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('token_hash', models.CharField(max_length=64, unique=True)),
                ('label', models.CharField(blank=True, max_length=64)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Device',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('external_id', devices.models.fields.ExactCharField(help_text='Never changes. Letters, digits and . _ : - only.', max_length=64, unique=True, validators=[django.core.validators.RegexValidator('^[A-Za-z0-9._:-]{1,64}\\Z', 'Letters, digits and . _ : - only, at most 64.')], verbose_name='device id')),
                ('name', models.CharField(max_length=120)),
                ('type', models.CharField(choices=[('sensor', 'Sensor'), ('actuator', 'Actuator'), ('controller', 'Controller'), ('gateway', 'Gateway')], max_length=16)),
                ('status', models.CharField(choices=[('online', 'Online'), ('offline', 'Offline'), ('maintenance', 'Maintenance'), ('error', 'Error')], default='offline', max_length=16)),
                ('location', models.CharField(blank=True, max_length=120)),
                ('zone', models.CharField(blank=True, db_index=True, max_length=64)),
                ('firmware_version', models.CharField(blank=True, max_length=64)),
                ('metadata', models.JSONField(blank=True, default=dict)),
                ('tags', models.JSONField(blank=True, default=list)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'indexes': [models.Index(fields=['status', 'id'], name='device_by_status')],
            },
        ),
        migrations.CreateModel(
            name='Presence',
            fields=[
                ('device', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='presence', serialize=False, to='devices.device')),
                ('last_seen_at', models.DateTimeField(null=True)),
                ('silent_at', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'devices_presence',
                'indexes': [models.Index(fields=['silent_at'], name='presence_by_deadline')],
            },
        ),
        migrations.AddField(
            model_name='credential',
            name='device',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='credentials', to='devices.device'),
        ),
    ]
