import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '__first__'),
        ('devices', '0005_status_history'),
    ]

    operations = [
        migrations.CreateModel(
            name='DeviceImport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200)),
                ('text', models.TextField()),
                ('update_present', models.BooleanField(default=True)),
                ('skip_bad', models.BooleanField(default=False)),
                ('status', models.CharField(choices=[('checking', 'Checking'), ('ready', 'Ready'), ('writing', 'Writing'), ('done', 'Done'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='checking', max_length=16)),
                ('error', models.CharField(blank=True, max_length=500)),
                ('rows', models.PositiveIntegerField()),
                ('next_row', models.PositiveIntegerField(default=0)),
                ('created', models.PositiveIntegerField(default=0)),
                ('updated', models.PositiveIntegerField(default=0)),
                ('unchanged', models.PositiveIntegerField(default=0)),
                ('bad', models.PositiveIntegerField(default=0)),
                ('claim', models.CharField(blank=True, max_length=32)),
                ('claimed_until', models.DateTimeField(null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('created_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(null=True)),
                ('phase_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('expires_at', models.DateTimeField()),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['status', 'id'], name='import_by_status'), models.Index(fields=['expires_at'], name='import_by_expiry')],
            },
        ),
        migrations.CreateModel(
            name='ImportedDevice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('credential', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='devices.credential')),
                ('device', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='imported', to='devices.device')),
                ('of_import', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='imported', to='devices.deviceimport')),
            ],
        ),
        migrations.CreateModel(
            name='ImportRefusal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('row', models.PositiveIntegerField()),
                ('field', models.CharField(blank=True, max_length=64)),
                ('message', models.CharField(max_length=300)),
                ('of_import', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='refusals', to='devices.deviceimport')),
            ],
            options={
                'indexes': [models.Index(fields=['of_import', 'row', 'id'], name='refusal_by_row')],
            },
        ),
    ]
