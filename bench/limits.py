"""What it costs a reading to be counted: the same server with its limits off, and on but far away."""

import argparse

from bench.figures import Figure, machine, run_interleaved, table
from bench.ingest import Bare, Plant, environment_for, prepare, send
from bench.places import Place, granian
from tests.services import folder, mariadb, valkey

FAR_AWAY = "1000000/m"


def main(options: argparse.Namespace) -> int:
    with mariadb() as url, valkey() as redis, folder("bench-data") as data:
        environment = environment_for(url, redis, data)
        plant = prepare(environment)
        database = Bare(plant).place()
        line = machine()
        width = {"workers": options.workers, "threads": options.threads}
        with (
            granian(environment, **width) as free,
            granian({**environment, "RATE_DEVICE": FAR_AWAY}, **width) as counted,
        ):
            off = _figure("single readings, not counted", free, database, plant, options)
            on = _figure("single readings, counted", counted, database, plant, options, against=off)
            for server in (free, counted):
                warm = Figure("warming up", lambda: 0.0)
                send(warm, server, database, plant.requests(2_000, 1), options.connections, 1)
            run_interleaved([off, on], rounds=3 if options.quick else 7, tell=lambda text: None)
        print(f"{line}\n\n{table([off, on])}")
    return 0


def _figure(
    name: str,
    server: Place,
    database: Place,
    plant: Plant,
    options: argparse.Namespace,
    *,
    against: Figure | None = None,
) -> Figure:
    count = 1_500 if options.quick else 8_000

    def measure() -> float:
        return send(figure, server, database, plant.requests(count, 1), options.connections, 1)

    figure = Figure(name, measure, bare=against)
    return figure
