"""Three writers on three nodes change the states of the same devices: of two that commit at once, one is given up."""

import threading
import time

from tests.galera.plant import Plant
from tests.galera.saying import say
from tests.galera.senders import Sender, Turn, errors_of, gap, problems_on


def run(plant: Plant, seconds: float) -> bool:
    end = threading.Event()
    with plant.web_at_each_node() as webs:
        senders = [
            Sender(web.url, device, end, Turn(number, len(webs)))
            for device in plant.some_devices()
            for number, web in enumerate(webs)
        ]
        began = time.monotonic()
        for sender in senders:
            sender.start()
        time.sleep(seconds)
        end.set()
        for sender in senders:
            sender.join(60)
        retries = [web.retries() for web in webs]
    stored = sum(len(sender.acknowledged) for sender in senders)
    say(f"writers on three nodes, the same devices, {seconds:.0f} s: {stored:,} readings acknowledged,")
    say(
        f"  transactions done again after 1213 or 1205: {sum(retries)}; told to devices: {errors_of(senders)};"
    )
    say(f"  a device waited {gap(senders, began):.1f} s at the longest")
    problems = problems_on(plant.cluster, senders)
    if not all(retries):
        problems.append(f"a writer never lost ({retries}): there was no conflict to speak of")
    for problem in problems:
        say(f"  PROBLEM: {problem}")
    return not problems
