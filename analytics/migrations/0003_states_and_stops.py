import devices.models.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('analytics', '0002_machines_and_shifts'),
    ]

    operations = [
        migrations.CreateModel(
            name='MachineMark',
            fields=[
                ('device', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='devices.device')),
                ('seen_at', models.BigIntegerField(null=True)),
                ('followed_to', models.BigIntegerField(null=True)),
                ('kept_to', models.BigIntegerField(default=0)),
                ('edition', models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='Redo',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('start', models.BigIntegerField()),
                ('end', models.BigIntegerField()),
                ('device', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='devices.device')),
            ],
        ),
        migrations.CreateModel(
            name='ShiftResult',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('start', models.BigIntegerField()),
                ('end', models.BigIntegerField()),
                ('shift_ms', models.BigIntegerField()),
                ('break_ms', models.BigIntegerField()),
                ('planned_stop_ms', models.BigIntegerField()),
                ('planned_ms', models.BigIntegerField()),
                ('run_ms', models.BigIntegerField()),
                ('micro_ms', models.BigIntegerField()),
                ('micro_stops', models.IntegerField()),
                ('down_ms', models.BigIntegerField()),
                ('stops', models.IntegerField()),
                ('unknown_ms', models.BigIntegerField()),
                ('total', models.FloatField()),
                ('good', models.FloatField()),
                ('ideal_ms', models.FloatField()),
                ('good_ideal_ms', models.FloatField()),
                ('by_code', models.JSONField(default=dict)),
                ('planned_by_code', models.JSONField(default=dict)),
                ('flags', models.JSONField(default=list)),
                ('device', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='devices.device')),
            ],
        ),
        migrations.CreateModel(
            name='StopCode',
            fields=[
                ('code', devices.models.fields.ExactCharField(max_length=40, primary_key=True, serialize=False)),
                ('label', models.CharField(max_length=120)),
                ('planned', models.BooleanField(default=False)),
                ('failure', models.BooleanField(default=False)),
                ('active', models.BooleanField(default=True)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('planned', False), ('failure', False), _connector='OR'), name='no_failure_is_planned')],
            },
        ),
        migrations.CreateModel(
            name='StateInterval',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('start', models.BigIntegerField()),
                ('end', models.BigIntegerField()),
                ('state', models.CharField(choices=[('running', 'Running'), ('stopped', 'Stopped'), ('unknown', 'Unknown')], max_length=8)),
                ('is_added', models.BooleanField(default=False)),
                ('note', models.CharField(blank=True, max_length=300)),
                ('by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('device', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='devices.device')),
                ('code', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='analytics.stopcode')),
            ],
            options={
                'db_table': 'analytics_state_interval',
            },
        ),
        migrations.CreateModel(
            name='StopReason',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('start', models.BigIntegerField()),
                ('end', models.BigIntegerField()),
                ('note', models.CharField(blank=True, max_length=300)),
                ('at', models.DateTimeField()),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('code', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='analytics.stopcode')),
                ('device', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='devices.device')),
            ],
        ),
        migrations.AddIndex(
            model_name='redo',
            index=models.Index(fields=['device'], name='redo_by_device'),
        ),
        migrations.AddIndex(
            model_name='shiftresult',
            index=models.Index(fields=['start'], name='result_by_start'),
        ),
        migrations.AddConstraint(
            model_name='shiftresult',
            constraint=models.UniqueConstraint(fields=('device', 'start', 'end'), name='one_result_of_a_shift'),
        ),
        migrations.AddIndex(
            model_name='stateinterval',
            index=models.Index(fields=['device', 'end'], name='state_by_end'),
        ),
        migrations.AddConstraint(
            model_name='stateinterval',
            constraint=models.UniqueConstraint(fields=('device', 'is_added', 'start'), name='one_state_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='stateinterval',
            constraint=models.CheckConstraint(condition=models.Q(('end__gt', models.F('start'))), name='a_state_lasts'),
        ),
        migrations.AddIndex(
            model_name='stopreason',
            index=models.Index(fields=['device', 'start'], name='reason_by_device'),
        ),
        migrations.AddConstraint(
            model_name='stopreason',
            constraint=models.CheckConstraint(condition=models.Q(('end__gt', models.F('start'))), name='a_reason_has_a_time'),
        ),
    ]
