"""`python -m bench [NAME] [--quick]`: print figures. docs/bench.md says what they mean."""

import argparse
import importlib
import signal
import sys

NAMES = (
    "ingest",
    "judge",
    "rules",
    "mqtt",
    "query",
    "energy",
    "backlog",
    "disk",
    "batch",
    "rollout",
    "subscribe",
    "sockets",
    "limits",
    "memory",
    "pages",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("name", nargs="?", choices=NAMES, default=NAMES[0])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs")
    parser.add_argument("--workers", type=int, default=2, help="granian's processes")
    parser.add_argument("--threads", type=int, default=64, help="threads of each of them")
    parser.add_argument("--connections", type=int, default=128, help="that send single readings at once")
    parser.add_argument(
        "--sockets", type=int, default=5_000, help="of `sockets`, a third of which hardly read"
    )
    parser.add_argument("--apart", type=float, default=2.0, help="seconds between two alerts of `sockets`")
    parser.add_argument("--minutes", type=int, default=60, help="that the pages of `memory` stay open")
    parser.add_argument(
        "--url", default="", help="a plant that runs already, for `memory`; else one is started"
    )
    parser.add_argument("--data", help="pages: a folder that keeps the plant for the next run")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # ends what it has started
    bench = importlib.import_module(f"bench.{options.name}")
    return int(bench.main(options))


if __name__ == "__main__":
    sys.exit(main())
