"""What the tests of firmware files have in common."""

from django.core.files.storage import default_storage

from factory.storage_url import storage_for


def use_storage(settings, url):
    settings.STORAGES = {**settings.STORAGES, "default": storage_for(url)}


def stored_files(folder="firmware"):
    """Every file of firmware in the storage, with what is in it."""
    try:
        inner, names = default_storage.listdir(folder)
    except FileNotFoundError:
        return {}
    found = {}
    for name in (f"{folder}/{each}" for each in names if each):
        with default_storage.open(name) as file:
            found[name] = file.read()
    for each in inner:
        found |= stored_files(f"{folder}/{each}")
    return found
