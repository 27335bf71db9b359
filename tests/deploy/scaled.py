"""A plant at scale on one machine: nginx with the delivered configuration, two granian, two `manage.py serve`."""

import contextlib
import json
import os
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from factory import processes
from tests import services
from tests.chaos.versions import Code
from tests.plant import ADMIN, ADMIN_SETTINGS, MANAGE, ROOT, UNLIMITED, plain_environment

NGINX = ROOT / "deploy" / "nginx"
WEB, LIVE = ("web-a", "web-b"), ("live-a", "live-b")


class ScaledPlant:
    """Its processes by name, each of which may be killed and started again."""

    def __init__(self, folder: Path, database: str, redis: str) -> None:
        self.folder = folder
        self.ports = {name: services.free_port() for name in (*WEB, *LIVE, "http", "https")}
        self.url = f"https://localhost:{self.ports['https']}"
        self.static = folder / "lib" / "static"
        self.env = plain_environment(
            DJANGO_SETTINGS_MODULE="factory.settings",
            DATABASE_URL=database,
            REDIS_URL=redis,
            MQTT_BROKER="none",
            FACTORY_DATA=str(folder / "data"),
            FACTORY_DEMO="0",
            STATIC_FOLDER=str(self.static),
            PUBLIC_URL=self.url,
            TRUSTED_PROXIES="127.0.0.1",
            **ADMIN_SETTINGS,
            **UNLIMITED,
        )
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        make_certificate(folder)
        self.tls = ssl.create_default_context(cafile=str(folder / "fullchain.pem"))
        # The client reads in one thread and writes in another. With TLS 1.3 the tickets that come after the handshake
        # are read while the request is written, and Python 3.11 then loses the request now and then.
        self.tls_of_sockets = ssl.create_default_context(cafile=str(folder / "fullchain.pem"))
        self.tls_of_sockets.maximum_version = ssl.TLSVersion.TLSv1_2

    # Coming and going

    def start(self) -> None:
        self.manage("migrate", "-v0")
        self.manage("collectstatic", "--noinput", "-v0")
        self.manage("first_admin")
        self.start_processes(*WEB, *LIVE)
        self.start_nginx()

    def start_processes(self, *names: str) -> None:
        for name in names:
            self.spawn(
                name,
                ["/bin/sh", "-c", f"exec env {Code().line_of(name.partition('-')[0])}"],
                PORT=str(self.ports[name]),
                LIVE_PORT=str(self.ports[name]),
                WEB_WORKERS="1",
            )
        for name in names:
            services.wait_until(
                lambda name=name: self.is_ready(name),  # type: ignore[misc]
                what=f"{name}:\n{self.last_words(name)}",
                seconds=180,
            )

    def spawn(self, name: str, argv: list[str], **more: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as output:
            self.running[name] = processes.start(argv, env={**self.env, **more}, cwd=ROOT, output=output)

    def is_ready(self, name: str) -> bool:
        headers = {"x-forwarded-proto": "https"}
        with contextlib.suppress(httpx.HTTPError):
            url = f"http://127.0.0.1:{self.ports[name]}/health/ready"
            return httpx.get(url, headers=headers, timeout=2, trust_env=False).status_code == 200
        return False

    def start_nginx(self) -> None:
        settings = self.folder / "nginx.conf"
        settings.write_text(self.nginx_settings())
        (self.folder / "factory_proxy.conf").write_text((NGINX / "factory_proxy.conf").read_text())
        argv = [services.program("nginx"), "-p", str(self.folder), "-c", str(settings), "-e", "stderr"]
        self.spawn("nginx", argv)
        services.wait_until(
            lambda: services.listens(self.ports["https"]), what=f"nginx:\n{self.last_words('nginx')}"
        )

    def nginx_settings(self) -> str:
        """The delivered file, with this plant's name, ports and folders, inside what Debian's nginx.conf has."""
        site = (NGINX / "factory.conf").read_text()
        for there, here in {
            "127.0.0.1:8000": f"127.0.0.1:{self.ports['web-a']}",
            "127.0.0.1:8010": f"127.0.0.1:{self.ports['web-b']}",
            "127.0.0.1:8001": f"127.0.0.1:{self.ports['live-a']}",
            "127.0.0.1:8011": f"127.0.0.1:{self.ports['live-b']}",
            "listen 80;": f"listen 127.0.0.1:{self.ports['http']};",
            "listen 443 ssl http2;": f"listen 127.0.0.1:{self.ports['https']} ssl http2;",
            "    listen [::]:80;\n": "",
            "    listen [::]:443 ssl http2;\n": "",
            "factory.example": "localhost",
            "/etc/ssl/factory/": f"{self.folder}/",
            "root /var/www/factory;": f"root {self.static.parent};",
            "/var/log/nginx/": f"{self.folder}/",
        }.items():
            assert there in site, there
            site = site.replace(there, here)
        temporary = "".join(
            f"{kind}_temp_path {self.folder}/tmp-{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        return (
            f"daemon off;\nuser {os.environ.get('USER') or 'root'};\nworker_processes 1;\n"
            f"pid {self.folder}/nginx.pid;\nevents {{ worker_connections 1024; }}\n"
            f"http {{\ninclude /etc/nginx/mime.types;\n{temporary}{site}\n}}\n"
        )

    def kill(self, name: str) -> None:
        """The whole group, at once and without a word."""
        processes.send(self.running[name], 9)
        self.running[name].wait()

    def close(self) -> None:
        for child in reversed(self.running.values()):
            processes.stop(child, patience=12)

    def manage(self, *words: str) -> str:
        done = subprocess.run(
            [*MANAGE, *words],
            env=self.env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def last_words(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-2000:]

    # Asking

    def client(self, token: str = "", **more: Any) -> httpx.Client:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(
            base_url=self.url, verify=self.tls, trust_env=False, timeout=20, headers=headers, **more
        )

    def data(self, client: httpx.Client, procedure: str, input: object) -> Any:
        answer = client.post(
            f"/api/trpc/{procedure}", content=json.dumps(input), headers={"content-type": "application/json"}
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]["data"]

    def admins_token(self) -> str:
        with self.client() as stranger:
            return str(self.data(stranger, "auth.login", ADMIN)["token"])


def make_certificate(folder: Path) -> None:
    """One for `localhost` that nobody but this test trusts."""
    subprocess.run(
        [
            *(services.program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt"),
            *("ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:TRUE"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "fullchain.pem")),
        ],
        check=True,
        capture_output=True,
    )


@contextlib.contextmanager
def scaled(folder: Path) -> Iterator[ScaledPlant]:
    """The plant, ready; everything that was started is gone in the end."""
    services.program("nginx")
    with services.mariadb(durable=False) as database, services.redis_server() as redis:
        plant = ScaledPlant(folder, database, redis)
        try:
            plant.start()
            yield plant
        finally:
            plant.close()
