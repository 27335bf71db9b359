"""`python -m tests.losses --seconds 60 --only redis`: what the loss of each service does."""

import argparse
import os
import signal
import sys
from functools import partial


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.losses", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long a killed service is away")
    parser.add_argument(
        "--hang-seconds", type=float, default=30.0, help="how long a stopped one does not answer"
    )
    parser.add_argument("--only", nargs="+", help="redis, broker, smtp, s3, database", metavar="SERVICE")
    parser.add_argument("--kinds", nargs="+", choices=("killed", "hangs"), default=["killed", "hangs"])
    options = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from bench.figures import machine
    from tests.losses.run import SERVICES, load, run, table

    options.only = options.only or list(SERVICES)
    if unknown := set(options.only) - SERVICES.keys():
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there is {', '.join(SERVICES)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    say = partial(print, flush=True)
    say(machine())
    report = run(**vars(options), say=say)
    say(table(report))
    for problem in report.problems:
        say(f"PROBLEM: {problem}")
    say(f"load {load()}; {report.acknowledged:,} readings acknowledged, {len(report.problems)} problems")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
