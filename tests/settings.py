"""The settings of the tests: production's, on a temporary folder, with nothing of the developer's own.

DATABASE_URL and REDIS_URL are kept: they choose what the tests run against. See tests/services.py.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
CHOSEN = {"DATABASE_URL", "REDIS_URL"}

for line in (ROOT / ".env.example").read_text().splitlines():
    name, is_setting, _ = line.lstrip("# ").partition("=")
    if is_setting and name not in CHOSEN:
        os.environ.pop(name, None)

folder = tempfile.mkdtemp(prefix=f"factory-test-{WORKER}-")
atexit.register(shutil.rmtree, folder, ignore_errors=True)
os.environ["FACTORY_DATA"] = folder
if os.environ.get("REDIS_URL", "").startswith("redis"):  # one server for all workers: a database for each
    chosen = urlsplit(os.environ["REDIS_URL"])
    os.environ["REDIS_URL"] = chosen._replace(path=f"/{WORKER.removeprefix('gw')}").geturl()

from factory.settings import *  # noqa: E402, F403
from factory.settings import CHANNEL_LAYERS, DATABASES, FACTORY_DATA  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CHANNEL_LAYERS["default"]["CONFIG"]["prefix"] = WORKER  # type: ignore[index]
LOGGING = {"version": 1, "disable_existing_loggers": False}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {
        "NAME": FACTORY_DATA / "test.sqlite3"
    }  # a file: in memory, threads share nothing
MQTT_ENABLED = MQTT_EMBEDDED = False  # who tests it says so
