"""Celery's consumer with a longer breath: losing Redis ends no worker, and its return is noticed soon."""

from functools import partial
from typing import Any

from celery.worker.consumer import Consumer as CeleryConsumer

from factory.celery import MESSAGES
from factory.queueing import messenger

SWEEP = "alerts.tasks.sweep_deliveries"
AGAIN_SECONDS = 2.0  # between two tries to connect


class Consumer(CeleryConsumer):
    """Named by CELERY_WORKER_CONSUMER."""

    def ensure_connected(self, conn: Any) -> Any:
        """Try as often after a minute as at first.

        Celery waits 2 s longer after each try, up to 30: after a minute a worker would sleep on for up to 16 s. There
        is no setting for that.
        """
        conn.ensure_connection = partial(
            conn.ensure_connection,
            interval_start=AGAIN_SECONDS,
            interval_step=0.0,
            interval_max=AGAIN_SECONDS,
        )
        return super().ensure_connected(conn)

    def on_ready(self) -> None:
        """Begin, and begin anew after each connection: with what nobody could hand over meanwhile.

        The sweeper finds it; beat asks for it only once in a while.
        """
        super().on_ready()
        if MESSAGES in self.app.amqp.queues.consume_from:
            messenger.hand_over(self.app.tasks[SWEEP], {})

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
