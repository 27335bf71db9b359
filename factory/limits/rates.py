"""A rate such as `100/m`, as settings and django-ratelimit spell it."""

import re
from dataclasses import dataclass

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
SPELLING = re.compile(r"([1-9]\d{0,8})/([1-9]\d{0,4})?([smhd])")


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so many seconds."""

    count: int
    seconds: int = 60

    def __str__(self) -> str:
        unit = next(unit for unit in "dhms" if self.seconds % SECONDS[unit] == 0)
        times = self.seconds // SECONDS[unit]
        return f"{self.count}/{times if times > 1 else ''}{unit}"

    @classmethod
    def read(cls, text: str) -> "Rate":
        """From `100/m`, `10/15m`, `5/s`; raises ValueError for anything else."""
        match = SPELLING.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no rate")
        count, times, unit = match.groups()
        return cls(int(count), int(times or 1) * SECONDS[unit])
