"""systemd, Compose and the Procfile start the same commands; tests/chaos and test_nginx start the Procfile's."""

import re
import shlex
import shutil
import subprocess

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands

from tests.plant import ROOT, setting_names

DEPLOY = settings.BASE_DIR / "deploy"
COMPOSE = DEPLOY / "compose"
# What differs from place to place, with its value.
PLACES = re.compile(r" --(host|port|hostname|schedule|pidfile|workers|concurrency)[= ]\S*")
BESIDE = {"backup", "mosquitto"}  # units that are no process of the plant


def plain(command):
    """The command without where it stands, where it listens and how many of it there are."""
    command = re.sub(r"(\S*/)?\.venv/bin/", "", command)
    command = re.sub(r"^(\w+=\S+ )+", "", command)
    return tuple(shlex.split(PLACES.sub("", command)))


def line(unit, name):
    return re.search(rf"^{name}=(.*)$", unit, re.MULTILINE).group(1)


@pytest.fixture(scope="module")
def lines():
    text = (ROOT / "Procfile").read_text()
    return {name: plain(command) for name, _, command in (line.partition(": ") for line in text.splitlines())}


@pytest.fixture(scope="module")
def units():
    """What each unit says, by its role."""
    return {
        path.stem.removeprefix("factory-").rstrip("@"): path.read_text()
        for path in (DEPLOY / "systemd").glob("*.service")
    }


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load((COMPOSE / "compose.yaml").read_text())["services"]


@pytest.fixture(scope="module")
def ours(services):
    """Containers that are made from our image, but the one that prepares the others' start."""
    return {
        name: service
        for name, service in services.items()
        if service["image"] == "smart-factory-iot" and name != "prepare"
    }


def test_each_unit_starts_what_the_procfile_says(lines, units):
    assert {
        role: plain(line(unit, "ExecStart")) for role, unit in units.items() if role not in BESIDE
    } == lines


def test_each_container_starts_what_the_procfile_says(lines, ours):
    started = {name: plain(service["command"]) for name, service in ours.items()}

    assert {name.partition("-")[0] for name in started} == set(lines)
    assert started == {name: lines[name.partition("-")[0]] for name in started}


def test_every_command_of_ours_is_there(lines, units, services):
    words = [*lines.values(), plain(line(units["backup"], "ExecStart"))]
    words += [plain(each) for each in services["prepare"]["command"].split('"')[1].split(" && ")]
    managed = {word[2] for word in words if word[:2] == ("python", "manage.py")}

    assert managed == {
        *("backup", "collectstatic", "ingest_mqtt", "migrate", "mqtt_credentials", "serve"),
    }
    assert managed <= set(get_commands())
    assert {word[0] for word in words} == {"python", "granian", "celery"}


def test_units_write_nowhere_but_where_they_must(units):
    rights = {
        role: re.findall(r"^ReadWritePaths=(.*)$", unit, re.MULTILINE)
        for role, unit in units.items()
        if role != "mosquitto"  # which runs one command of systemd's as root
    }
    strict = {role for role in rights if line(units[role], "ProtectSystem") == "strict"}

    assert strict == set(rights)
    assert {role: paths for role, paths in rights.items() if paths} == {
        "credentials": ["-/etc/mosquitto/factory"],
        "backup": ["/backups"],
    }


def test_units_come_after_what_they_need_so_that_they_also_end_before_it(units):
    after = {role: set(line(unit, "After").split()) for role, unit in units.items() if role not in BESIDE}
    needed = {"network-online.target", "mariadb.service", "redis-server.service", "mosquitto.service"}

    assert after == dict.fromkeys(after, needed)


def test_the_broker_is_told_of_the_files_that_the_unit_watches_however_often_they_change(units):
    watched = re.findall(
        r"^PathChanged=(.*)$", (DEPLOY / "systemd/factory-mosquitto.path").read_text(), re.MULTILINE
    )
    broker = (DEPLOY / "mosquitto/factory.conf").read_text()

    assert set(watched) == set(re.findall(r"^(?:password|acl)_file (.*)$", broker, re.MULTILINE))
    assert line(units["mosquitto"], "StartLimitIntervalSec") == "0"


def test_both_brokers_are_set_alike():
    """But for where they are reached, where their files are, and what Debian's own file says already."""
    places = re.compile(
        r"^(#.*|(listener|certfile|keyfile|persistence|persistence_location) .*|)$", re.MULTILINE
    )
    files = [DEPLOY / "mosquitto/factory.conf", COMPOSE / "mosquitto.conf"]
    beside_systemd, in_a_container = (sorted(places.sub("", file.read_text()).split("\n")) for file in files)

    assert [each for each in beside_systemd if each] == [each for each in in_a_container if each]


def test_settings_that_are_named_are_settings(ours):
    example = set(re.findall(r"^(\w+)=", (DEPLOY / "factory.env").read_text(), re.MULTILINE))
    contained = {name for service in ours.values() for name in service["environment"]}

    assert example | contained <= setting_names()


def test_containers_have_the_same_rights_and_the_same_settings(ours):
    shown = {
        name: {key: value for key, value in service.items() if key not in {"command", "environment", "ports"}}
        for name, service in ours.items()
    }
    rights = shown["worker"]

    assert shown == dict.fromkeys(shown, rights)
    assert (rights["read_only"], rights["cap_drop"]) == (True, ["ALL"])
    settings_of = {name: service["environment"] for name, service in ours.items()}
    listens = {"HOST": "0.0.0.0", "PORT": "8001"}
    assert settings_of == {
        name: {**settings_of["worker"], **(listens if name.startswith("live") else {})}
        for name in settings_of
    }


def test_ports_are_those_that_nginx_asks_and_only_the_brokers_is_open_to_others(services):
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    asked = re.findall(r"^    server ([\d.:]+) ", (DEPLOY / "nginx/factory.conf").read_text(), re.MULTILINE)

    assert published.pop("broker") == ["8883:8883"]
    assert sorted(port.rpartition(":")[0] for [port] in published.values()) == sorted(asked)


def test_no_secret_of_a_plant_is_built_into_an_image():
    left_out = (COMPOSE / "Dockerfile.dockerignore").read_text().split()
    kept = {f"/{path.relative_to(ROOT)}" for path in (COMPOSE / "factory.env", COMPOSE / "certs")}

    assert {"deploy", "**/.env", "var", ".git"} <= set(left_out)
    assert {name.rstrip("/") for name in (ROOT / ".gitignore").read_text().split()} >= kept | {".env"}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_understands_the_units(tmp_path):
    for path in (DEPLOY / "systemd").iterdir():
        text = path.read_text().replace("/opt/factory", str(ROOT)).replace("/usr/bin/curl", "/bin/true")
        (tmp_path / path.name.replace("@.", "@8000.")).write_text(text)

    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, "")
