"""What a batch can do to devices. Each room registers its own operations when the house is set up.

An operation either works its devices off itself, some hundred at a time (`carry_out`), or hands all of them to
something that goes on by itself, such as a rollout (`take_over`), which then tells by `settle_items` what
became of each.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext

from factory.accounts.models import User
from factory.errors import InvalidInput

if TYPE_CHECKING:
    from devices.models import Device
    from grouping.models import BatchItem, BatchOperation

# What clients may ask for. A room that is not there leaves its own out.
KNOWN = ("restart", "command", "update_status", "update_config", "firmware_update")


@dataclass(frozen=True, slots=True)
class Succeeded:
    """It is done."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It will not be done in this attempt, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """The device has the word: by the end of its command, or until a moment."""

    command_id: int | None = None
    deadline_at: datetime | None = None


Outcome = Succeeded | Failed | Waiting
Settled = Succeeded | Failed
CarryOut = Callable[[Sequence["BatchItem"], "BatchOperation", datetime], Mapping[int, Outcome]]
TakeOver = Callable[["BatchOperation", Sequence["BatchItem"], datetime], dict[str, Any]]
TakeBack = Callable[["BatchOperation", datetime], set[int]]


def nobody(devices: "Sequence[Device]", parameters: dict[str, Any]) -> dict[int, str]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that can be done to many devices.

    `check` cleans the parameters or refuses them, the fields named as on the wire; `exclude` says which devices
    cannot take part, and why. `carry_out` gets items whose devices are in service, inside the transaction that
    keeps what comes of them: {item: outcome}. What it refuses fails, what it does not mention has failed.

    `take_over` gets all items of an attempt inside the transaction that makes them, and returns what came of the
    batch as a whole (`outcome`, for example a rollout's id); `take_back` is called when the batch is cancelled, and
    by the sweeper until it is over, and returns the devices that nothing has been done to yet.
    """

    name: str
    label: str
    role: User.Role
    check: Callable[[dict[str, Any]], dict[str, Any]]
    exclude: Callable[["Sequence[Device]", dict[str, Any]], Mapping[int, str]] = nobody
    carry_out: CarryOut | None = None
    take_over: TakeOver | None = None
    take_back: TakeBack | None = None
    # It changes who is waited for or missed: the presences of its devices are held, too, while it is carried out.
    moves_presence: bool = False

    def __post_init__(self) -> None:
        if (self.carry_out is None) == (self.take_over is None):
            raise TypeError(f"{self.name}: say how it is carried out, or who takes it over.")


_registered: dict[str, Operation] = {}


def register_operation(operation: Operation) -> None:
    """Let batches do this from now on."""
    _registered[operation.name] = operation


def unregister_operation(name: str) -> None:
    _registered.pop(name, None)


def get_operation(name: str) -> Operation:
    """One operation; refuses what this server cannot do."""
    operation = _registered.get(name)
    if operation is None and name in KNOWN:
        raise InvalidInput.at(
            "operation", gettext("%(name)s is not available on this server") % {"name": name}
        )
    if operation is None:
        raise InvalidInput.at(
            "operation",
            gettext("%(name)s is none of %(names)s")
            % {"name": name, "names": ", ".join(sorted(_registered))},
        )
    return operation


def operations() -> list[Operation]:
    """All that this server can do to many devices, by name."""
    return [_registered[name] for name in sorted(_registered)]
