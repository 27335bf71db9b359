"""What is installed is what was pinned, byte by byte, on every Python and machine that we name."""

import re
from importlib.metadata import distribution

import pytest
from django.conf import settings
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LISTS = ("requirements.txt", "requirements-dev.txt", "requirements-mysql.txt")
PIN = re.compile(
    r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)((?: \\\n +--hash=sha256:[0-9a-f]{64})*)$", re.MULTILINE
)
EXTRAS = {"celery": {"redis"}, "django-storages": {"s3"}}  # of what requirements.in asks for
PYTHONS = ("3.11.0", "3.11.2", "3.11.14", "3.12.0", "3.13.0")
MACHINES = ("x86_64", "aarch64")


def text_of(name: str) -> str:
    return (settings.BASE_DIR / name).read_text()


@pytest.mark.parametrize("name", LISTS)
def test_every_pin_has_the_hashes_of_its_release_and_no_place(name):
    text = text_of(name)
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith(("#", "--hash="))]
    pins = PIN.findall(text)

    assert len(pins) == len(lines) > 0
    assert [package for package, _, hashes in pins if "sha256" not in hashes] == []
    assert [word for word in ("://", "--index", "--find-links", "--trusted") if word in text] == []


def test_whoever_installs_asks_for_the_hashes():
    for name in ("script/setup", "deploy/compose/Dockerfile"):
        installing = [line for line in text_of(name).splitlines() if "pip install" in line]
        assert installing != []
        assert [line for line in installing if "--require-hashes" not in line] == []


def needed_by(package: str, environment: dict[str, str]) -> set[str]:
    """What it needs there, as its own metadata has it."""
    asked = [Requirement(line) for line in distribution(package).requires or []]
    return {
        canonicalize_name(one.name)
        for one in asked
        for extra in ("", *EXTRAS.get(package, ()))
        if one.marker is None or one.marker.evaluate({**environment, "extra": extra})
    }


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("python", PYTHONS)
def test_nothing_is_unpinned_on_any_python_that_we_run_on(python, machine):
    # With hashes pip refuses what is needed and not pinned, which another Python than that of the pins may need.
    environment = {
        "python_version": python.rpartition(".")[0],
        "python_full_version": python,
        "platform_machine": machine,
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }
    pinned = {canonicalize_name(name) for name, _, _ in PIN.findall(text_of("requirements.txt"))}

    needed = {package: needed_by(package, environment) for package in pinned}

    assert {package: more - pinned for package, more in needed.items() if more - pinned} == {}
