"""Included by the workers of a test: small claims, and one worker that stops with a claim in its hands."""

import os
import threading
from pathlib import Path

from celery.signals import worker_init

_turn = threading.Lock()
_claims = 0


@worker_init.connect
def take_small_claims(**_):
    from grouping.services import working

    working.AT_ONCE, working.WINDOW = 50, 200
    carry_out = working.carry_out_claim
    stuck_at = int(os.environ.get("STUCK_AT", "0"))

    def counted(**claim):
        global _claims
        with _turn:
            _claims += 1
            is_last = stuck_at and _claims >= stuck_at
        if is_last:
            Path(os.environ["STUCK_FILE"]).touch()
            threading.Event().wait()
        carry_out(**claim)

    working.carry_out_claim = counted
