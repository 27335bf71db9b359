"""`python -m tests.hostile --seed 1 --count 100`: what becomes of hostile requests of every kind."""

import argparse
import os
import sys
from functools import partial


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="which texts go where")
    parser.add_argument("--count", type=int, help="of each kind; every place that takes a text unless given")
    options = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from tests.hostile.run import MB, run
    from tests.hostile.scene import table

    say = partial(print, flush=True)
    report = run(seed=options.seed, count=options.count, say=say)
    say(table(report))
    say(f"the server grew by {report.grown / MB:.0f} MB; looked at again, all inert: {report.inert}")
    say(f"problems: {len(report.problems)}")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
