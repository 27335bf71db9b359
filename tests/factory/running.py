"""The real server, started by a test on the test's own database."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.db import connection

from factory import processes
from tests.plant import UNLIMITED
from tests.services import free_port, wait_until

ROOT = Path(__file__).resolve().parent.parent.parent


def environment(port: int) -> dict[str, str]:
    """What a child needs to work on the test's database and Valkey as the product would."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "mysql":
        url = urlsplit(settings.DATABASE_URL)._replace(path=f"/{name}").geturl()
    else:
        url = f"sqlite:///{name}"
    return {
        **UNLIMITED,
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "factory.settings",
        "DATABASE_URL": url,
        "PORT": str(port),
    }


def start(command: str, *arguments: str, port: int, output=None):
    """A `manage.py` command as a process of its own."""
    argv = [sys.executable, ROOT / "manage.py", command, *arguments]
    return processes.start(argv, env=environment(port), cwd=ROOT, output=output)


@contextlib.contextmanager
def server(port: int | None = None) -> Iterator[str]:
    """`manage.py serve`, ready. Yields its URL."""
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    child = start("serve", port=port)
    try:
        wait_until(lambda: _is_ready(url), what="the server's start")
        yield url
    finally:
        processes.stop(child, patience=12)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
