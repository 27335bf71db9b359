import datetime
import devices.models.fields
import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0001_energy'),
    ]

    operations = [
        migrations.CreateModel(
            name='Calendar',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('target', models.CharField(editable=False, max_length=32)),
                ('valid_from', models.DateField(default=datetime.date(1970, 1, 1))),
                ('time_zone', models.CharField(max_length=64)),
                ('holidays', models.JSONField(blank=True, default=list)),
                ('updated_at', models.DateTimeField()),
                ('device', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='devices.device')),
                ('group', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='grouping.group')),
            ],
            options={
                'ordering': ['target', 'valid_from'],
                'constraints': [models.UniqueConstraint(fields=('target', 'valid_from'), name='one_calendar_from_a_day_on'), models.CheckConstraint(condition=models.Q(('device', None), ('group', None), _connector='OR'), name='calendar_has_one_target')],
            },
        ),
        migrations.CreateModel(
            name='Line',
            fields=[
                ('group', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='grouping.group')),
                ('station', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='devices.device')),
            ],
        ),
        migrations.CreateModel(
            name='MachineProfile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('valid_from', models.BigIntegerField(default=0)),
                ('ideal_cycle_seconds', models.FloatField()),
                ('total_metric', devices.models.fields.ExactCharField(max_length=63)),
                ('good_metric', devices.models.fields.ExactCharField(blank=True, max_length=63)),
                ('reject_metric', devices.models.fields.ExactCharField(blank=True, max_length=63)),
                ('running_by', models.CharField(choices=[('metric', 'Metric'), ('events', 'Events'), ('status', 'Status')], max_length=8)),
                ('running_metric', devices.models.fields.ExactCharField(blank=True, max_length=63)),
                ('running_above', models.FloatField(default=0.0)),
                ('running_statuses', models.JSONField(blank=True, default=list)),
                ('micro_stop_seconds', models.PositiveIntegerField(default=60, validators=[django.core.validators.MaxValueValidator(300)])),
                ('updated_at', models.DateTimeField()),
                ('device', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='machine_profiles', to='devices.device')),
            ],
            options={
                'ordering': ['device', 'valid_from'],
                'constraints': [models.UniqueConstraint(fields=('device', 'valid_from'), name='one_profile_from_a_time_on'), models.CheckConstraint(condition=models.Q(('ideal_cycle_seconds__gt', 0)), name='a_cycle_takes_time'), models.CheckConstraint(condition=models.Q(('good_metric', ''), ('reject_metric', ''), _connector='OR'), name='good_or_rejects')],
            },
        ),
        migrations.CreateModel(
            name='Product',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', devices.models.fields.ExactCharField(max_length=120)),
                ('ideal_cycle_seconds', models.FloatField()),
                ('device', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='products', to='devices.device')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('device', 'name'), name='one_product_of_a_name'), models.CheckConstraint(condition=models.Q(('ideal_cycle_seconds__gt', 0)), name='a_product_takes_time')],
            },
        ),
        migrations.CreateModel(
            name='ProductRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('start', models.BigIntegerField()),
                ('device', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='devices.device')),
                ('product', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='analytics.product')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('device', 'start'), name='one_product_at_a_time')],
            },
        ),
        migrations.CreateModel(
            name='Shift',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', devices.models.fields.ExactCharField(max_length=60)),
                ('days', models.JSONField()),
                ('start_time', models.TimeField()),
                ('end_time', models.TimeField()),
                ('breaks', models.JSONField(blank=True, default=list)),
                ('calendar', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='shifts', to='analytics.calendar')),
            ],
            options={
                'ordering': ['pk'],
                'constraints': [models.UniqueConstraint(fields=('calendar', 'name'), name='one_shift_of_a_name')],
            },
        ),
    ]
