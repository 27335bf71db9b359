import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('devices', '0002_broker_credentials_and_refused_messages'),
    ]

    operations = [
        migrations.CreateModel(
            name='SilenceRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('type', models.CharField(choices=[('sensor', 'Sensor'), ('actuator', 'Actuator'), ('controller', 'Controller'), ('gateway', 'Gateway')], max_length=16, unique=True)),
                ('silent_seconds', models.PositiveIntegerField(help_text='Silence after which a device is held for offline.', validators=[django.core.validators.MinValueValidator(15), django.core.validators.MaxValueValidator(86400)])),
                ('tolerance_seconds', models.PositiveIntegerField(default=60, help_text='How much longer it may last before people are told.', validators=[django.core.validators.MaxValueValidator(86400)])),
                ('severity', models.CharField(choices=[('info', 'Info'), ('warning', 'Warning'), ('critical', 'Critical')], default='warning', max_length=16)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('silent_seconds__range', (15, 86400)), ('tolerance_seconds__lte', 86400)), name='silence_rule_in_range')],
            },
        ),
        migrations.AddField(
            model_name='presence',
            name='said_goodbye',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='presence',
            name='went_silent_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name='presence',
            index=models.Index(fields=['went_silent_at'], name='presence_by_silence'),
        ),
    ]
