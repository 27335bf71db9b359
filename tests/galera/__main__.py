"""`python -m tests.galera [SCENARIO ...]`: readings go on while a cluster is treated badly; says what became of them.

    conflicts    three writers on three nodes change the same devices' states
    partitions   days come and go in the partitions of the readings, beside writers on three nodes
    kills        a node is killed and comes back, behind haproxy

Three MariaDB nodes with Galera, haproxy, Redis and granian, on temporary folders; needs about 2 GB and five minutes.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests import services
from tests.galera import conflicts, kills, partitioning
from tests.galera.cluster import Cluster, provider
from tests.galera.plant import Plant
from tests.galera.saying import say

SCENARIOS = {"conflicts": conflicts.run, "partitions": partitioning.run, "kills": kills.run}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.galera",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"{', '.join(SCENARIOS)}; or all")
    parser.add_argument("--seconds", type=float, default=15, help="of readings between two events")
    chosen = parser.parse_args()
    wanted = chosen.scenarios or list(SCENARIOS)
    if unknown := set(wanted) - SCENARIOS.keys():
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    try:
        provider()
        for names in (("mariadbd", "mysqld"), ("haproxy",), ("rsync",), ("redis-server", "valkey-server")):
            services.program(*names)
    except services.NotInstalled as missing:
        parser.exit(2, f"{missing} is not installed; docs/galera.md says what is needed.\n")
    with tempfile.TemporaryDirectory(prefix="factory-galera-") as name, services.redis_server() as redis:
        folder = Path(name)
        (folder / "nodes").mkdir()
        cluster = Cluster(folder / "nodes")
        try:
            cluster.start()
            plant = Plant(cluster, folder, redis)
            plant.populate(len(wanted))
            held = []
            for scenario in wanted:
                say(f"--- {scenario}")
                held.append(SCENARIOS[scenario](plant, chosen.seconds))
            return 0 if all(held) else 1
        finally:
            cluster.close()


if __name__ == "__main__":
    sys.exit(main())
