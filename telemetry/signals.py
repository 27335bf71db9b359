from django.dispatch import Signal

# batch: telemetry.batch.StoredBatch. Sent inside the ingest transaction, with the devices' state rows
# locked: what a receiver writes is committed together with the readings, or not at all.
readings_stored = Signal()

# buckets: the quarters (ms) of any device that a worker has just written or removed. redone: {device: spans} of
# which it computed anew what was told before, because something came late. Sent inside the worker's transaction, so
# that whatever was made of these quarters can be put aside in it.
quarters_recomputed = Signal()
