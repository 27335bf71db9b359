import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '__first__'),
        ('analytics', '0003_states_and_stops'),
        ('devices', '0005_status_history'),
        ('grouping', '0002_filters_and_batches'),
    ]

    operations = [
        migrations.CreateModel(
            name='ReportSchedule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120)),
                ('kind', models.CharField(choices=[('device', 'Device'), ('analytics', 'Analytics'), ('alerts', 'Alert history')], max_length=16)),
                ('parameters', models.JSONField(default=dict)),
                ('cadence', models.CharField(choices=[('daily', 'Daily'), ('weekly', 'Weekly'), ('monthly', 'Monthly')], max_length=8)),
                ('at_time', models.TimeField()),
                ('recipients', models.JSONField()),
                ('enabled', models.BooleanField(default=True)),
                ('next_at', models.DateTimeField(db_index=True, null=True)),
                ('created_at', models.DateTimeField()),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Report',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('device', 'Device'), ('analytics', 'Analytics'), ('alerts', 'Alert history')], max_length=16)),
                ('parameters', models.JSONField()),
                ('title', models.CharField(max_length=200)),
                ('filename', models.CharField(max_length=200)),
                ('status', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=16)),
                ('progress', models.PositiveSmallIntegerField(default=0)),
                ('error', models.CharField(blank=True, max_length=500)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('claimed_until', models.DateTimeField(null=True)),
                ('folder', models.CharField(blank=True, max_length=120)),
                ('pdf_bytes', models.BigIntegerField(null=True)),
                ('created_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('expires_at', models.DateTimeField()),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('schedule', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='reports', to='analytics.reportschedule')),
            ],
            options={
                'indexes': [models.Index(fields=['status', 'id'], name='report_by_status'), models.Index(fields=['expires_at'], name='report_by_expiry')],
                'constraints': [models.CheckConstraint(condition=models.Q(('progress__lte', 100)), name='report_progress_in_percent')],
            },
        ),
        migrations.CreateModel(
            name='ReportMail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('recipient', models.CharField(max_length=190)),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('sending', 'Sending'), ('sent', 'Sent'), ('failed', 'Failed')], default='pending', max_length=8)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('due_at', models.DateTimeField()),
                ('error', models.CharField(blank=True, max_length=500)),
                ('sent_at', models.DateTimeField(null=True)),
                ('report', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='mails', to='analytics.report')),
            ],
            options={
                'indexes': [models.Index(fields=['status', 'due_at'], name='mail_by_due')],
                'constraints': [models.UniqueConstraint(fields=('report', 'recipient'), name='one_mail_a_recipient')],
            },
        ),
    ]
