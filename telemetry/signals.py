from django.dispatch import Signal

# batch: telemetry.batch.StoredBatch. Sent inside the ingest transaction, with the devices' state rows
# locked: what a receiver writes is committed together with the readings, or not at all.
readings_stored = Signal()
