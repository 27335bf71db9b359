"""Days come and go in the partitions of the readings, while readings come in through all three nodes."""

import json
import sys
import threading
import time

from tests.galera.plant import Plant
from tests.galera.saying import say
from tests.galera.senders import Sender, errors_of, gap, problems_on

LAYOUT = (
    "SELECT PARTITION_NAME, PARTITION_DESCRIPTION FROM information_schema.PARTITIONS"
    " WHERE TABLE_SCHEMA='factory' AND TABLE_NAME='telemetry_reading' ORDER BY PARTITION_ORDINAL_POSITION"
)


def run(plant: Plant, seconds: float) -> bool:
    """Each round of `tests.galera.days` is a day of the plant: some are made ahead, one is archived and dropped."""
    end = threading.Event()
    cluster = plant.cluster
    *devices, old = plant.some_devices()
    with plant.web_at_each_node() as webs:
        senders = [Sender(webs[number % 3].url, device, end) for number, device in enumerate(devices)]
        began = time.monotonic()
        for sender in senders:
            sender.start()
        days = [sys.executable, "-m", "tests.galera.days", str(old["id"]), str(seconds)]
        told = json.loads(plant.run(*days, database=cluster.nodes[1].url).splitlines()[-1])
        end.set()
        for sender in senders:
            sender.join(60)
        retries = sum(web.retries() for web in webs)
    stored = sum(len(sender.acknowledged) for sender in senders)
    say(f"days come and go beside writers on three nodes: {stored:,} readings acknowledged,")
    say(f"  {told['rounds']} days archived and dropped, {told['made']} made ahead, {told['changes']}")
    say(f"  transactions done again after 1213 or 1205: {retries}; told to devices: {errors_of(senders)};")
    say(f"  a device waited {gap(senders, began):.1f} s at the longest")
    problems = problems_on(cluster, senders) + told["problems"]
    if len({node.ask(LAYOUT) for node in cluster.nodes}) != 1:
        problems.append("the nodes have different partitions")
    for problem in problems:
        say(f"  PROBLEM: {problem}")
    return not problems
