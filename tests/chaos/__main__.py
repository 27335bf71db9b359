"""`python -m tests.chaos --seconds 600 --seed 7 --devices 20`: a chaos run, told as it happens."""

import argparse
import os
import random
import signal
import sys
from functools import partial


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="of kills; what comes before and after is extra"
    )
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--devices", type=int, default=8, help="half of them speak HTTP, half MQTT")
    parser.add_argument("--rate", type=float, default=25.0, help="readings a second and device")
    parser.add_argument("--keep", action="store_true", help="keep the folder with data and logs")
    options = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from tests.chaos.run import run

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    say = partial(print, flush=True)
    report = run(**vars(options), say=say)
    say(f"{len(report.strikes)} strikes: {dict(report.killed())}")
    say(f"recovered: {report.recoveries()}")
    say(f"answers: {dict(report.answers)}")
    for problem in report.problems:
        say(f"PROBLEM: {problem}")
    say(f"seed {report.seed}: {report.acknowledged:,} acknowledged, {len(report.problems)} problems")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
