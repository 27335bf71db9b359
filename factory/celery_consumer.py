"""Celery's consumer with a longer breath: losing Redis in the middle of a task does not end the worker."""

from celery.worker.consumer import Consumer as CeleryConsumer


class Consumer(CeleryConsumer):
    """Named by CELERY_WORKER_CONSUMER."""

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Have the broken channel close at the first try.

        A channel that waits for messages wants to read one more answer before it closes. kombu 5.7 takes the error
        of that for the end of the closing, tears down what is behind the channel, and closes it once more. If a task
        is under way, that gives its message back, over what is gone by now, and the worker ends.
        """
        channel = getattr(self.connection, "_default_channel", None)
        if channel is not None:
            channel._in_poll = None
        super().on_connection_error_after_connected(exc)
