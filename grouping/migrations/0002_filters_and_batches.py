import devices.models.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '__first__'),
        ('devices', '0004_commands_configuration_claims'),
        ('grouping', '0001_groups'),
    ]

    operations = [
        migrations.AddField(
            model_name='group',
            name='filter',
            field=models.TextField(blank=True, default='', max_length=2000),
        ),
        migrations.CreateModel(
            name='BatchOperation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('operation', models.CharField(max_length=64)),
                ('parameters', models.JSONField(default=dict)),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('in_progress', 'In Progress'), ('completed', 'Completed'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='pending', max_length=16)),
                ('total', models.PositiveIntegerField()),
                ('idempotency_key', devices.models.fields.ExactCharField(max_length=130, null=True, unique=True)),
                ('request_digest', models.CharField(max_length=64)),
                ('outcome', models.JSONField(null=True)),
                ('created_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(null=True)),
                ('completed_at', models.DateTimeField(null=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('group', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='batches', to='grouping.group')),
            ],
            options={
                'indexes': [models.Index(fields=['status', 'id'], name='batch_by_status'), models.Index(fields=['group', 'id'], name='batch_by_group')],
            },
        ),
        migrations.CreateModel(
            name='BatchItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('device_name', models.CharField(max_length=120)),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('working', 'Working'), ('waiting', 'Waiting'), ('succeeded', 'Succeeded'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='pending', max_length=16)),
                ('attempt', models.PositiveSmallIntegerField(default=1)),
                ('claim', models.CharField(blank=True, default='', max_length=32)),
                ('claimed_until', models.DateTimeField(null=True)),
                ('deadline_at', models.DateTimeField(null=True)),
                ('error', models.CharField(blank=True, max_length=300)),
                ('updated_at', models.DateTimeField()),
                ('command', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='devices.command')),
                ('device', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='batch_items', to='devices.device')),
                ('batch', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='items', to='grouping.batchoperation')),
            ],
            options={
                'indexes': [models.Index(fields=['batch', 'status', 'id'], name='batch_item_by_status'), models.Index(fields=['claimed_until'], name='batch_item_by_claim'), models.Index(fields=['deadline_at'], name='batch_item_by_deadline')],
                'constraints': [models.UniqueConstraint(fields=('batch', 'device'), name='one_item_per_batch_device')],
            },
        ),
    ]
