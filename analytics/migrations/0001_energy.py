import devices.models.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('devices', '0005_status_history'),
        ('grouping', '0002_filters_and_batches'),
    ]

    operations = [
        migrations.CreateModel(
            name='DemandEdition',
            fields=[
                ('id', models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('edition', models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='DemandScope',
            fields=[
                ('scope', models.BigIntegerField(primary_key=True, serialize=False)),
                ('made_of', models.CharField(max_length=64)),
                ('filled_from', models.BigIntegerField()),
                ('filled_to', models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='Demand',
            fields=[
                ('pk', models.CompositePrimaryKey('scope', 'bucket', blank=True, editable=False, primary_key=True, serialize=False)),
                ('scope', models.BigIntegerField()),
                ('bucket', models.BigIntegerField()),
                ('kwh', models.FloatField(null=True)),
                ('covered_ms', models.BigIntegerField()),
                ('resets', models.IntegerField()),
                ('rollovers', models.IntegerField()),
                ('stale', models.BooleanField(default=False)),
            ],
            options={
                'indexes': [models.Index(fields=['bucket', 'stale'], name='demand_by_bucket')],
            },
        ),
        migrations.CreateModel(
            name='EnergyMeter',
            fields=[
                ('device', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='devices.device')),
                ('counter_metric', devices.models.fields.ExactCharField(blank=True, max_length=63)),
                ('counter_since', models.BigIntegerField(null=True)),
                ('power_metric', devices.models.fields.ExactCharField(blank=True, max_length=63)),
                ('begins_at', models.BigIntegerField(null=True)),
                ('is_chosen', models.BooleanField(default=False)),
                ('measured_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='devices.device')),
            ],
        ),
        migrations.CreateModel(
            name='EnergyPrice',
            fields=[
                ('id', models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('per_kwh', models.FloatField(null=True)),
                ('currency', models.CharField(blank=True, max_length=3)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='one_price_of_energy')],
            },
        ),
        migrations.AddConstraint(
            model_name='energymeter',
            constraint=models.CheckConstraint(condition=models.Q(('measured_by', models.F('device')), _negated=True), name='no_meter_measures_itself'),
        ),
    ]
