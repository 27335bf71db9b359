"""Three real MariaDB nodes with Galera and haproxy in front, on temporary folders and loopback."""

import contextlib
import getpass
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from factory import processes
from tests import services
from tests.plant import ROOT

PROVIDERS = ("/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so")
DEPLOY = ROOT / "deploy"


def provider() -> str:
    for path in PROVIDERS:
        if Path(path).exists():
            return path
    raise services.NotInstalled("galera-4")


class Node:
    """One MariaDB of the cluster."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder / name
        self.data = self.folder / "data"
        self.folder.mkdir()
        self.port, self.group, self.ist, self.sst = (services.free_port() for _ in range(4))
        self.child: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def url(self) -> str:
        return f"mysql://root@127.0.0.1:{self.port}/factory"

    def start(self, others: list["Node"], *, first: bool = False) -> None:
        argv = services.mariadb_program(self.data, self.port, self.folder).argv
        addresses = "" if first else ",".join(f"127.0.0.1:{node.group}" for node in others)
        options = (
            f"gmcast.listen_addr=tcp://127.0.0.1:{self.group};ist.recv_addr=127.0.0.1:{self.ist};"
            "gcache.size=256M;gcache.recover=yes;"
            "evs.keepalive_period=PT0.5S;evs.suspect_timeout=PT2S;evs.inactive_timeout=PT5S"
        )
        argv += [
            *("--wsrep-on=ON", f"--wsrep-provider={provider()}", "--wsrep-cluster-name=factory"),
            *(f"--wsrep-cluster-address=gcomm://{addresses}", f"--wsrep-node-name={self.name}"),
            *(f"--wsrep-node-address=127.0.0.1:{self.group}", "--wsrep-sst-method=rsync"),
            *(f"--wsrep-sst-receive-address=127.0.0.1:{self.sst}", "--binlog-format=ROW"),
            *(
                "--innodb-autoinc-lock-mode=2",
                "--wsrep-slave-threads=4",
                f"--wsrep-provider-options={options}",
            ),
            *(["--wsrep-new-cluster"] if first else []),
        ]
        argv.remove("--skip-log-bin")
        if (
            getpass.getuser() == "root"
        ):  # as root, the rsync that copies a node gives its rights up, all of them
            argv[argv.index("--user=root")] = "--user=mysql"
            for path in (self.folder, *self.folder.rglob("*")):
                shutil.chown(path, "mysql", "mysql")
            for path in (self.folder.parent, self.folder.parent.parent):
                path.chmod(0o755)
        with self.log.open("ab") as output:
            self.child = processes.start(argv, output=output)

    def kill(self) -> None:
        assert self.child is not None
        processes.send(self.child, 9)
        self.child.wait()

    def has_ended(self) -> bool:
        return self.child is None or self.child.poll() is not None

    def ask(self, statement: str) -> str:
        argv = ["mariadb", "--no-defaults", "--connect-timeout=2", f"-u{getpass.getuser()}"]
        argv = [*argv, "-h127.0.0.1", f"-P{self.port}", "-Nse", statement]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    def is_synced(self, size: int) -> bool:
        state = self.ask("SHOW STATUS LIKE 'wsrep_local_state'").split()
        members = self.ask("SHOW STATUS LIKE 'wsrep_cluster_size'").split()
        return state[-1:] == ["4"] and members[-1:] == [str(size)]

    def wait_synced(self, size: int, seconds: float = 120.0) -> float:
        """How long it took until this one was in step with `size` of them."""
        began = time.monotonic()
        what = f"{self.name} in step"
        try:
            services.wait_until(lambda: self.has_ended() or self.is_synced(size), what=what, seconds=seconds)
            if self.has_ended():
                raise TimeoutError(f"{what}: it ended")
        except TimeoutError as late:
            raise TimeoutError(f"{late}:\n{self.log.read_text(errors='replace')[-3000:]}") from None
        return time.monotonic() - began

    def came_back_by(self) -> str:
        """What its last start was given: the missed transactions, or a copy of everything."""
        told = self.log.read_text(errors="replace").rpartition("Starting MariaDB")[2]
        if "rsync SST/IST completed on joiner" in told or "wsrep_sst_rsync --role 'joiner'" in told:
            return "SST"
        return "IST" if "IST received" in told or "Receiving IST" in told else "nothing to catch up"


class HasPort(Protocol):
    port: int


class Proxy:
    """haproxy with the delivered configuration, as on one machine of the application."""

    def __init__(self, name: str, folder: Path, check: Path = DEPLOY / "haproxy" / "galera-check") -> None:
        self.name, self.folder, self.check = name, folder, check
        self.port, self.peer = services.free_port(), services.free_port()
        self.child: subprocess.Popen[bytes] | None = None

    def start(self, nodes: Sequence["HasPort"], proxies: Sequence["Proxy"]) -> None:
        settings = (DEPLOY / "haproxy" / "haproxy.cfg").read_text()
        settings = settings.replace("localpeer app1", f"localpeer {self.name}")
        settings = settings.replace("127.0.0.1:3306", f"127.0.0.1:{self.port}")
        for number, node in enumerate(nodes, 1):
            settings = settings.replace(f"10.0.0.1{number}:3306", f"127.0.0.1:{node.port}")
        for number, proxy in enumerate(proxies, 1):
            settings = settings.replace(f"10.0.0.2{number}:3307", f"127.0.0.1:{proxy.peer}")
        settings = re.sub(r"    peer \S+ 10\..*\n", "", settings)  # machines that are not there
        settings = settings.replace("/etc/haproxy/galera-check", str(self.check))
        file = self.folder / f"{self.name}.cfg"
        file.write_text(settings)
        with (self.folder / f"{self.name}.log").open("ab") as output:
            self.child = processes.start([services.program("haproxy"), "-db", "-f", str(file)], output=output)
        services.wait_until(lambda: services.listens(self.port), what=f"haproxy {self.name}")

    def stop(self) -> None:
        if self.child is not None:
            processes.stop(self.child, patience=20)


class Cluster:
    """The nodes by name, and haproxy's address."""

    def __init__(self, folder: Path) -> None:
        self.nodes = [Node(f"db{number}", folder) for number in (1, 2, 3)]
        self.proxy = Proxy("app1", folder)

    @property
    def url(self) -> str:
        return f"mysql://root@127.0.0.1:{self.proxy.port}/factory"

    def start(self) -> None:
        first, *others = self.nodes
        first.start(self.nodes, first=True)
        first.wait_synced(1)
        first.ask("CREATE DATABASE factory CHARACTER SET utf8mb4; CREATE USER haproxy@'%'")
        for number, node in enumerate(others, 2):
            node.start(self.nodes)
            node.wait_synced(number)
        self.proxy.start(self.nodes, [self.proxy])

    def serving(self) -> Node:
        """The node that haproxy sends to now."""
        argv = ["mariadb", "--no-defaults", "-uroot", "-h127.0.0.1", f"-P{self.proxy.port}", "-Nse"]
        done = subprocess.run(
            [*argv, "SELECT @@port"], capture_output=True, text=True, check=True, timeout=20
        )
        return next(node for node in self.nodes if node.port == int(done.stdout))

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.proxy.stop()
        for node in self.nodes:
            if node.child is not None:
                with contextlib.suppress(ProcessLookupError):
                    processes.stop(node.child, patience=20)
