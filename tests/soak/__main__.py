"""`python -m tests.soak --minutes 60`: a day of a plant in an hour, told as it happens. See docs/soak.md."""

import argparse
import os
import signal
import sys
from functools import partial


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--devices", type=int, default=500, help="half of them speak HTTP, half MQTT")
    parser.add_argument("--every", type=float, default=60.0, help="seconds between two samples")
    options = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from bench.figures import machine
    from tests.soak.run import run

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    say = partial(print, flush=True)
    say(machine())
    outcome = run(**vars(options), say=say)
    for problem in outcome.problems:
        say(f"PROBLEM: {problem}")
    say(f"{outcome.acknowledged:,} acknowledged, {len(outcome.problems)} problems")
    return 1 if outcome.problems else 0


if __name__ == "__main__":
    sys.exit(main())
