"""STORAGE_URL: where archived readings and uploaded files are kept. Pure; the settings hand its answer to Django."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

IN_MEMORY = 8 * 1024 * 1024  # of a file that is read; the rest goes through a temporary file


class BadStorage(ValueError):
    """What the URL should have been. Says nothing of the URL itself, which may hold a secret."""


def storage_for(url: str) -> dict[str, Any]:
    """Django's declaration of the storage behind a URL.

    `file:///folder`; `s3://key:secret@host:port/bucket?region=...&tls=0` for a server of one's own;
    `s3://bucket` for AWS, with the credentials of the environment unless they are given.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise BadStorage("an address with a port between 1 and 65535") from None
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme == "file":
        if parts.netloc or not parts.path.startswith("/") or options:
            raise BadStorage("a folder such as file:///srv/factory")
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(Path(unquote(parts.path))), "base_url": None},
        }
    if unknown := options.keys() - {"region", "tls"}:
        raise BadStorage(f"known by its options: {', '.join(sorted(unknown))} is none of region, tls")
    if options.get("tls", "1") not in {"0", "1"}:
        raise BadStorage("an S3 address: tls is 0 or 1")
    if bool(parts.username) != bool(parts.password):
        raise BadStorage("an S3 address: key and secret stand together, key:secret@")
    bucket = parts.path.strip("/")
    if not parts.hostname or "/" in bucket or (not bucket and (port or "tls" in options)):
        raise BadStorage("an S3 address such as s3://bucket or s3://key:secret@host:9000/bucket?tls=0")
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": _s3_options(parts.hostname, port, bucket, parts.username, parts.password, options),
    }


def _s3_options(
    host: str, port: int | None, bucket: str, key: str | None, secret: str | None, options: dict[str, str]
) -> dict[str, Any]:
    from botocore.config import Config  # noqa: PLC0415 -- slow to import, and most plants keep a folder

    own = bool(bucket)  # a server of one's own
    found: dict[str, Any] = {
        "bucket_name": bucket or host,
        "file_overwrite": True,
        "default_acl": None,
        "querystring_auth": True,
        "max_memory_size": IN_MEMORY,
        "client_config": Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"} if own else {},
            # All tries together take less than a request may: a storage that hangs must not hold it up for minutes.
            connect_timeout=5,
            read_timeout=10,
            retries={"total_max_attempts": 2, "mode": "standard"},
            # Servers other than AWS do not all know the newer checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    }
    if own:
        scheme = "http" if options.get("tls") == "0" else "https"
        found["endpoint_url"] = f"{scheme}://{host}" + (f":{port}" if port else "")
    if "region" in options or own:
        found["region_name"] = options.get("region") or "us-east-1"
    if key and secret:
        found |= {"access_key": unquote(key), "secret_key": unquote(secret)}
    return found
