"""A node is killed while readings come in through haproxy: the one that serves, then one that stands by."""

import threading
import time

from tests.galera.plant import Plant
from tests.galera.saying import say
from tests.galera.senders import Sender, errors_of, gap, problems_on


def run(plant: Plant, seconds: float) -> bool:
    end = threading.Event()
    with plant.web("web", workers=2) as web:
        senders = [Sender(web.url, device, end) for device in plant.some_devices()]
        for sender in senders:
            sender.start()
        time.sleep(seconds)
        for what in ("the node that serves", "a node that stands by"):
            _kill(plant, senders, what, seconds)
        end.set()
        for sender in senders:
            sender.join(20)
        retries = web.retries()
    stored = sum(len(sender.acknowledged) for sender in senders)
    say(f"{stored:,} readings acknowledged; transactions done again after 1213 or 1205: {retries};")
    say(f"  told to devices: {errors_of(senders)}")
    problems = problems_on(plant.cluster, senders)
    for problem in problems:
        say(f"  PROBLEM: {problem}")
    return not problems


def _kill(plant: Plant, senders: list[Sender], what: str, seconds: float) -> None:
    cluster = plant.cluster
    serving = cluster.serving()
    node = serving if what == "the node that serves" else next(n for n in cluster.nodes if n is not serving)
    errors = sum(errors_of(senders).values())
    killed = time.monotonic()
    node.kill()
    time.sleep(seconds)
    errors = sum(errors_of(senders).values()) - errors
    say(f"kill -9 of {what} ({node.name}): a device waited {gap(senders, killed):.1f} s at the longest,")
    say(f"  {errors} requests failed and were sent again; {cluster.serving().name} serves")
    back = time.monotonic()
    node.start(cluster.nodes)
    took = node.wait_synced(3)
    waited = gap(senders, back)
    say(
        f"  {node.name} was back in step after {took:.1f} s by {node.came_back_by()}; meanwhile {waited:.1f} s"
    )
    time.sleep(3)
