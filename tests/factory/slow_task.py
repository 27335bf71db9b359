"""A task for a worker under test: it says in files that it begins and that it is over."""

import time
from pathlib import Path

from factory.celery import app


@app.task(name="tests.slow")
def slow(*, folder: str, name: str, seconds: float) -> None:
    Path(folder, f"{name} begun").touch()
    time.sleep(seconds)
    Path(folder, f"{name} over").touch()
