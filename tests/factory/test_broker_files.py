"""The files of an external Mosquitto follow the database, and it is told only when they change."""

import os
import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError
from django.utils import timezone

from devices import services
from factory.broker import choice
from factory.broker.files import BrokerFiles, replace
from factory.broker.mosquitto import rules
from factory.broker.upkeep import Upkeep
from tests.builders import make_device, make_token
from tests.factory.mqtt_clients import SERVICE, Broker, client, database_url, let_in
from tests.plant import running
from tests.services import NotInstalled, mosquitto_with_our_files, wait_until

NOW = timezone.now


@pytest.fixture
def files(tmp_path):
    return BrokerFiles(tmp_path)


@pytest.mark.django_db
def test_files_are_written_once_and_not_touched_again(files):
    make_device(external_id="press-1")

    assert files.write(NOW())
    before = (files.folder / "passwd").stat()
    assert not files.write(NOW())

    assert (files.folder / "passwd").stat() == before
    assert files.devices == 1
    assert (files.folder / "passwd").read_text().startswith("press-1:$7$")
    assert sorted(path.name for path in files.folder.iterdir()) == ["acl", "passwd"]


@pytest.mark.parametrize(("folder_mode", "file_mode"), [(0o700, 0o600), (0o750, 0o640), (0o755, 0o640)])
def test_a_file_is_readable_by_the_group_only_if_its_folder_is(tmp_path, folder_mode, file_mode):
    tmp_path.chmod(folder_mode)

    replace(tmp_path / "passwd", "text")

    assert (tmp_path / "passwd").stat().st_mode & 0o777 == file_mode


@pytest.mark.django_db
def test_another_programs_process_is_not_signalled(files):
    (files.folder / "mosquitto.pid").write_text(str(os.getpid()))
    signals = []
    former = signal.signal(signal.SIGHUP, lambda *_: signals.append(1))
    try:
        files.write_and_reload(NOW())
    finally:
        signal.signal(signal.SIGHUP, former)

    assert signals == []


@pytest.mark.django_db
def test_the_command_rebuilds_the_files_and_says_how_many(files, settings, capsys):
    settings.MQTT_FOLDER = files.folder
    make_device(external_id="press-1")
    (files.folder / "passwd").write_text("gone:wrong\n")

    call_command("mqtt_credentials")
    call_command("mqtt_credentials")

    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"1 devices may connect; {files.folder} is rewritten.",
        f"1 devices may connect; {files.folder} is unchanged.",
    ]
    assert "gone" not in (files.folder / "passwd").read_text()


def test_without_a_folder_the_command_says_so(settings, tmp_path):
    with pytest.raises(CommandError, match="MQTT_FOLDER is not set"):
        call_command("mqtt_credentials")
    settings.MQTT_FOLDER = tmp_path / "missing"
    with pytest.raises(CommandError, match="is no folder"):
        call_command("mqtt_credentials")


# Upkeep


@pytest.mark.django_db(transaction=True)
def test_upkeep_refreshes_when_something_has_changed_and_only_then(django_assert_num_queries):
    device = make_device()
    refreshed = []
    upkeep = Upkeep(refreshed.append)

    assert [upkeep.look() for _ in range(3)] == [True] * 3
    assert len(refreshed) == 1
    with django_assert_num_queries(1):
        upkeep.look()

    make_token(device, at=NOW())
    upkeep.look()
    assert len(refreshed) == 2
    services.rotate_token(device=device, at=NOW())
    upkeep.look()
    assert len(refreshed) == 3


@pytest.mark.django_db(transaction=True)
def test_upkeep_notices_a_token_that_runs_out():
    make_token(make_device(), at=NOW(), lifetime=timedelta(seconds=0.2))
    refreshed = []
    upkeep = Upkeep(refreshed.append)
    upkeep.look()

    time.sleep(0.25)
    upkeep.look()

    assert len(refreshed) == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("trouble", [DatabaseError("away"), OSError("disk full")])
def test_upkeep_outlives_trouble_and_makes_up_for_it(trouble):
    make_device()
    results = [trouble, None]

    def refresh(at):
        result = results.pop(0)
        if result:
            raise result

    upkeep = Upkeep(refresh)

    assert [upkeep.look(), upkeep.look(), upkeep.look()] == [False, True, True]
    assert results == []


def test_the_delivered_file_has_every_line_that_a_mosquitto_needs(settings):
    paper = (settings.BASE_DIR / "deploy/mosquitto/factory.conf").read_text().splitlines()

    missing = [line for line in rules(Path("/etc/mosquitto/factory")) if line not in paper]

    assert missing == []


# Which program, which port


def test_a_port_in_use_gives_way_to_the_next_free_one():
    with choice.listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]

        assert port < choice.free_port("127.0.0.1", port) <= port + choice.PORTS_TRIED


def test_the_embedded_broker_is_the_one_asked_for(settings, tmp_path, monkeypatch):
    settings.MQTT_BROKER = "amqtt"
    assert choice.embedded_broker() == "amqtt"
    monkeypatch.setattr(choice, "PLACES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    settings.MQTT_BROKER = "auto"
    assert choice.embedded_broker() == "amqtt"
    settings.MQTT_BROKER = "mosquitto"
    with pytest.raises(CommandError, match="no program mosquitto"):
        choice.embedded_broker()
    program = tmp_path / "mosquitto"
    program.touch(mode=0o755)
    assert choice.embedded_broker() == "mosquitto"


# A Mosquitto that is not ours


@pytest.fixture
def external(tmp_path, settings, transactional_db):
    """One with our files, which `mqtt_credentials --watch` keeps."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    BrokerFiles(folder).write(NOW())
    chosen = {"DATABASE_URL": database_url(), "MQTT_URL": "mqtt://127.0.0.1", "MQTT_FOLDER": str(folder)}
    try:
        with mosquitto_with_our_files(folder) as url:
            data = tmp_path / "data"
            data.mkdir()
            (data / "mqtt_password").write_text(settings.MQTT_PASSWORD)
            (data / "secret_key").write_text(settings.SECRET_KEY)
            with running(data, "mqtt_credentials --watch", **chosen) as keeper:
                yield Broker(int(url.rpartition(":")[2]), settings.MQTT_PASSWORD, keeper)
    except NotInstalled as missing:
        pytest.skip(f"no {missing}")


@pytest.mark.integration
def test_an_external_mosquitto_is_kept_in_step(external):
    at = NOW()
    device, token = services.register_device(external_id="press-1", name="x", type="sensor", at=at)
    wait_until(lambda: let_in(external, "press-1", token), what="a welcome", seconds=10)
    with (
        client(external, SERVICE, external.password) as ours,
        client(external, "press-1", token) as press,
    ):
        ours.listen("factory/#")
        press.say("factory/press-1/readings", "1")
        assert ours.hear() == ("factory/press-1/readings", "1")

        services.delete_devices(devices=[device])

        wait_until(lambda: press.ended, what="the end of the connection", seconds=5)
        assert not ours.ended
    assert external.plant.end() < 5
    assert external.plant.process.returncode == 0, external.plant.output
