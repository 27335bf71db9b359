import pytest
from django.core.files.storage import default_storage

from tests import services
from tests.ota.storing import use_storage


@pytest.fixture(autouse=True)
def _own_storage(settings, tmp_path):
    """Files of one test are not another one's."""
    use_storage(settings, f"file://{tmp_path / 'storage'}")
    settings.FACTORY_DATA = tmp_path


@pytest.fixture(scope="session")
def s3_server():
    with services.s3() as bucket:
        yield bucket


@pytest.fixture(params=["folder", "s3"])
def storage(request, settings, _own_storage):
    """Both kinds of storage, each really there."""
    if request.param == "s3":
        use_storage(settings, request.getfixturevalue("s3_server").url)
        default_storage.bucket.objects.all().delete()
    return request.param
