"""A day of readings as a Parquet file: one row per reading, in the order of (device, time). No database here.

`data` is the JSON text as it was stored, so that a day comes back exactly as it was; the declared metrics stand
beside it as columns of numbers, so that DuckDB and pandas need no JSON. pyarrow is imported when it is needed:
it takes its time and a lot of memory.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from telemetry.days import Row
from telemetry.metrics import DECLARED

METRICS = tuple(metric.key for metric in DECLARED)
GROUP_ROWS = 200_000  # what is in memory at a time


@dataclass(frozen=True)
class Contents:
    """What a file holds. `digest` is that of its readings in their order, however they are encoded."""

    rows: int
    last_received: int | None
    digest: str


class Account:
    """Counts readings as they pass."""

    def __init__(self) -> None:
        self.rows = 0
        self.last_received: int | None = None
        self._digest = hashlib.sha256()

    def add(self, rows: Sequence[Row]) -> None:
        self.rows += len(rows)
        newest = max(row.received_at for row in rows)
        self.last_received = newest if self.last_received is None else max(self.last_received, newest)
        self._digest.update("".join(map("%d %d %s %d\n".__mod__, rows)).encode())

    def close(self) -> Contents:
        return Contents(self.rows, self.last_received, self._digest.hexdigest())


def write(path: Path, pages: Iterable[Sequence[Row]], names: Mapping[int, str]) -> Contents:
    """Write pages of readings; `names` are the device ids by id."""
    import pyarrow as pa  # noqa: PLC0415 -- see above
    import pyarrow.parquet as pq  # noqa: PLC0415 -- see above

    account, schema = Account(), _schema()
    waiting: list[Any] = []  # pages, packed: as Python's own objects they would take ten times as much
    with pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        use_dictionary=["external_id", *METRICS],
        column_encoding=dict.fromkeys(("device_id", "timestamp", "received_at"), "DELTA_BINARY_PACKED"),
    ) as writer:
        for page in pages:
            account.add(page)
            waiting.append(_table(page, names, schema))
            if sum(map(len, waiting)) >= GROUP_ROWS:
                writer.write_table(pa.concat_tables(waiting))
                waiting.clear()
        if waiting:
            writer.write_table(pa.concat_tables(waiting))
    return account.close()


def read(file: Path | IO[bytes]) -> Iterator[list[Row]]:
    """The readings of a file in pages, in its order."""
    import pyarrow as pa  # noqa: PLC0415 -- see above
    import pyarrow.parquet as pq  # noqa: PLC0415 -- see above

    with pq.ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(
            batch_size=20_000, columns=["device_id", "timestamp", "data", "received_at"]
        ):
            columns = {
                name: column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
                for name, column in zip(batch.schema.names, batch.columns, strict=True)
            }
            yield [
                Row(*row) for row in zip(*(columns[name].to_pylist() for name in Row._fields), strict=True)
            ]


def contents(path: Path) -> Contents:
    """What is in a file, by reading all of it."""
    account = Account()
    for page in read(path):
        account.add(page)
    return account.close()


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _schema() -> Any:
    import pyarrow as pa  # noqa: PLC0415 -- see above

    moment = pa.timestamp("ms", tz="UTC")
    return pa.schema(
        [
            pa.field("device_id", pa.int64(), nullable=False),
            pa.field("external_id", pa.string(), nullable=False),
            pa.field("timestamp", moment, nullable=False),
            *(pa.field(name, pa.float64()) for name in METRICS),
            pa.field("data", pa.string(), nullable=False),
            pa.field("received_at", moment, nullable=False),
        ]
    )


def _table(rows: Sequence[Row], names: Mapping[int, str], schema: Any) -> Any:
    import pyarrow as pa  # noqa: PLC0415 -- see above

    measured = [orjson.loads(row.data) for row in rows]
    columns = [
        [row.device_id for row in rows],
        [names[row.device_id] for row in rows],
        [row.timestamp for row in rows],
        *([_number(data.get(name)) for data in measured] for name in METRICS),
        [row.data for row in rows],
        [row.received_at for row in rows],
    ]
    arrays = [pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
