"""An event with an id by which whoever was cut off asks for what comes after it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Tracked:
    id: str
    data: Any
