"""One command runs it all, and nothing is left when it ends, however it ends."""

import os
import signal
import socket
import time

import pytest

from tests.plant import alive_with, running
from tests.services import NotInstalled, free_port, mariadb, redis_server, wait_until

pytestmark = pytest.mark.integration
ROLES = (
    *("valkey-server", "manage.py serve", "--quiet beat"),
    *("celery --app=factory.celery --quiet worker --concurrency", "--quiet worker --queues=messages"),
)


def running_roles(plant):
    return {role for role in ROLES if any(role in line for line in plant.processes().values())}


def test_everything_runs_when_it_is_ready_and_is_gone_after_sigterm(tmp_path):
    with running(tmp_path, empty=True) as plant:
        plant.wait_ready()
        wait_until(lambda: running_roles(plant) == set(ROLES), what="all roles running")
        assert plant.get("/health/ready").json()["status"] == "ok"

        took = plant.end(signal.SIGTERM)

    assert plant.process.returncode == 0, plant.output
    assert took < 10
    assert not plant.processes()
    assert "Traceback" not in plant.output


def test_ctrl_c_reaches_only_the_supervisor_and_ends_all(tmp_path):
    with running(tmp_path) as plant:
        plant.wait_ready()
        assert [line for pid, line in plant.processes().items() if os.getsid(pid) != pid] == []

        plant.end(signal.SIGINT)

    assert plant.process.returncode == 0
    assert not plant.processes()


def test_the_demo_has_devices_that_report(tmp_path):
    with running(tmp_path, FACTORY_DEMO="1") as plant:
        plant.wait_ready()
        plant.wait_for("plant   |")
        assert any("manage.py simulate" in line for line in plant.processes().values())

        assert plant.end() < 10

    assert plant.process.returncode == 0, plant.output
    assert not plant.processes()
    assert "Traceback" not in plant.output


def test_a_killed_supervisor_leaves_no_orphan(tmp_path):
    with running(tmp_path) as plant:
        plant.wait_ready()

        plant.end(signal.SIGKILL)

        wait_until(lambda: not plant.processes(), what="the end of all children", seconds=5)


def test_a_killed_supervisor_can_be_started_again_at_once(tmp_path):
    with running(tmp_path) as plant:
        plant.wait_ready()
        plant.end(signal.SIGKILL)

    with running(tmp_path, PORT=str(plant.port)) as again:
        again.wait_ready()

        assert "first admin" not in again.output


@pytest.mark.parametrize("words", ["manage.py serve", "valkey-server", "--quiet worker --queues=messages"])
def test_a_killed_child_is_started_again(tmp_path, words):
    with running(tmp_path) as plant:
        plant.wait_ready()
        killed = plant.pid_of(words)

        os.kill(killed, signal.SIGKILL)

        plant.wait_for("was ended by SIGKILL; again in 1 s", seconds=10)
        wait_until(lambda: any(words in line for line in plant.processes().values()), what="a successor")
        assert plant.pid_of(words) != killed
        wait_until(lambda: plant.get("/health/ready").json()["status"] == "ok", what="readiness")


def test_a_request_during_the_web_servers_absence_waits_for_its_successor(tmp_path):
    with running(tmp_path) as plant:
        plant.wait_ready()

        os.kill(plant.pid_of("manage.py serve"), signal.SIGKILL)

        assert plant.get("/health/live").status_code == 200


def test_a_second_signal_ends_everything_at_once(tmp_path):
    with running(tmp_path) as plant:
        plant.wait_ready()
        with socket.create_connection(("127.0.0.1", plant.port)) as hanging:
            hanging.sendall(b"POST /api/trpc/auth.login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
            time.sleep(0.3)
            plant.process.send_signal(signal.SIGINT)
            time.sleep(0.2)

            took = plant.end(signal.SIGINT)

    assert took < 6  # the hanging request would be waited for for seven seconds
    assert not plant.processes()


def test_a_hanging_client_does_not_keep_it_alive(tmp_path):
    with running(tmp_path) as plant:
        plant.wait_ready()
        with (
            socket.create_connection(("127.0.0.1", plant.port)) as half_a_request,
            socket.create_connection(("127.0.0.1", plant.port)) as idle,
        ):
            half_a_request.sendall(
                b"POST /api/trpc/auth.login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"
            )
            idle.sendall(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert idle.recv(12) == b"HTTP/1.1 200"

            took = plant.end()

    assert took < 10
    assert plant.process.returncode == 0
    assert not plant.processes()


def test_a_port_in_use_is_said_before_anything_starts(tmp_path):
    with socket.create_server(("127.0.0.1", free_port())) as other:
        port = other.getsockname()[1]
        with running(tmp_path, PORT=str(port)) as plant:
            plant.process.wait(20)

    assert plant.process.returncode == 2
    assert f"127.0.0.1:{port} is in use" in plant.output
    assert len(plant.lines) == 1
    assert not (tmp_path / "valkey").exists()


def test_a_second_server_on_the_same_folder_is_refused(tmp_path):
    with running(tmp_path) as first:
        first.wait_ready()
        with running(tmp_path) as second:
            second.process.wait(20)

        assert second.process.returncode == 2
        assert f"in use by another server (process {first.process.pid})" in second.output
        assert first.get("/health/live").status_code == 200


def test_a_stale_socket_is_no_obstacle(tmp_path):
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / "valkey.sock"))

    with running(tmp_path) as plant:
        plant.wait_ready()


def test_the_folder_is_private_and_the_first_admin_is_told_once(tmp_path):
    with running(tmp_path, empty=True) as plant:
        plant.wait_ready()
        assert plant.output.count("password, shown only now: ") == 1
        plant.end()
    with running(tmp_path) as again:
        again.wait_ready()
        again.end()

    assert "password" not in again.output
    assert tmp_path.stat().st_mode & 0o077 == 0
    assert (tmp_path / "factory.sqlite3").stat().st_mode & 0o077 == 0


def test_a_chosen_password_is_not_printed(tmp_path):
    chosen = {"FACTORY_ADMIN_EMAIL": "boss@plant.test", "FACTORY_ADMIN_PASSWORD": "kept-to-myself-1"}
    with running(tmp_path, **chosen) as plant:
        plant.wait_ready()

    assert "first admin: boss@plant.test" in plant.output
    assert "kept-to-myself-1" not in plant.output


def test_a_path_too_long_for_a_socket_works(tmp_path):
    deep = tmp_path / ("a folder with a long name " * 4).strip()
    with running(deep) as plant:
        plant.wait_ready()
        plant.end()

    assert plant.process.returncode == 0
    assert not alive_with(plant.mark)


def test_everything_runs_on_mariadb_with_redis(tmp_path):
    try:
        with mariadb(durable=False) as database, redis_server() as redis:
            with running(tmp_path, DATABASE_URL=database, REDIS_URL=redis, FACTORY_DEMO="1") as plant:
                plant.wait_ready()
                plant.wait_for("plant   |")
                assert not any("unixsocket" in line for line in plant.processes().values())

                assert plant.end() < 10

            assert plant.process.returncode == 0, plant.output
            assert not (tmp_path / "factory.sqlite3").exists()
    except (NotInstalled, ImportError) as missing:
        pytest.skip(f"no {missing}")


def test_a_database_that_is_away_is_said_in_one_line(tmp_path):
    pytest.importorskip("MySQLdb")
    with running(tmp_path, DATABASE_URL=f"mysql://root@127.0.0.1:{free_port()}/factory") as plant:
        plant.process.wait(30)

    assert plant.process.returncode == 1
    assert "The database is not usable: " in plant.lines[-1]
    assert "Traceback" not in plant.output
    assert not plant.processes()
