import subprocess

import pytest

from factory.storage_url import BadStorage, storage_for
from tests.plant import MANAGE, plain_environment


def options_of(url):
    return storage_for(url)["OPTIONS"]


def test_a_folder():
    assert storage_for("file:///srv/my%20plant") == {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": "/srv/my plant", "base_url": None},
    }


def test_a_server_of_ones_own():
    found = options_of("s3://key:se%2Fcret@minio.plant:9000/readings?region=eu&tls=0")

    assert (found["endpoint_url"], found["bucket_name"], found["region_name"]) == (
        "http://minio.plant:9000",
        "readings",
        "eu",
    )
    assert (found["access_key"], found["secret_key"]) == ("key", "se/cret")
    assert found["client_config"].s3 == {"addressing_style": "path"}
    assert options_of("s3://minio.plant/readings")["endpoint_url"] == "https://minio.plant"


def test_aws_with_the_credentials_of_the_environment():
    found = options_of("s3://readings?region=eu-central-1")

    assert (found["bucket_name"], found["region_name"]) == ("readings", "eu-central-1")
    assert found.keys().isdisjoint({"endpoint_url", "access_key", "secret_key"})


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("file://relative/folder", "a folder such as file:///srv/factory"),
        ("file:///srv?region=eu", "a folder such as"),
        ("s3://", "an S3 address such as"),
        ("s3://host:9000", "an S3 address such as"),
        ("s3://host:port/bucket", "a port between 1 and 65535"),
        ("s3://host/bucket/folder", "an S3 address such as"),
        ("s3://key@host/bucket", "key and secret stand together"),
        ("s3://host/bucket?tls=no", "tls is 0 or 1"),
        ("s3://host/bucket?colour=red", "colour is none of region, tls"),
    ],
)
def test_what_is_no_storage_is_refused_with_the_reason(url, reason):
    with pytest.raises(BadStorage, match=reason):
        storage_for(url)


@pytest.mark.integration
def test_a_wrong_storage_stops_the_start_without_telling_its_secret(tmp_path):
    env = plain_environment(FACTORY_DATA=str(tmp_path), STORAGE_URL="s3://key:secret@host/bucket?tls=no")

    ended = subprocess.run([*MANAGE, "check"], env=env, capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert ended.stderr == "error: STORAGE_URL='s3://...' is not an S3 address: tls is 0 or 1.\n"
