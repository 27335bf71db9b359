import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from alerts.outbox.messages import Message

T = TypeVar("T")
SECONDS = 25.0  # for one message, whatever the other side does; a claim is longer
MAIL_SECONDS = 75.0  # a mail server may think for long about what it was given


class TransportError(Exception):
    """A message did not go out. The words are for people and hold no secret.

    `permanent`: it never will. `down`: the way as a whole does not work, this message is not to blame;
    `answered` then means that somebody did answer, so it may be to blame after all. `patient`: it may be
    about everybody, so it is given up by time and not by tries. `in_doubt`: it may have arrived all the same.
    """

    def __init__(
        self,
        words: str,
        *,
        permanent: bool = False,
        down: bool = False,
        answered: bool = False,
        patient: bool = False,
        in_doubt: bool = False,
        wait: timedelta | None = None,
    ) -> None:
        super().__init__(words)
        self.words = words
        self.permanent = permanent
        self.down = down
        self.answered = answered
        self.patient = patient
        self.in_doubt = in_doubt
        self.wait = wait  # what the other side asked for


class Lines:
    """What may be kept open between the messages of one run, by name; closed at its end."""

    def __init__(self) -> None:
        self._open: dict[str, Any] = {}
        self._closers: dict[str, Callable[[], object]] = {}

    def get(self, name: str) -> Any:
        return self._open.get(name)

    def keep(self, name: str, line: Any, close: Callable[[], object]) -> None:
        self._open[name], self._closers[name] = line, close

    def drop(self, name: str) -> None:
        """Forget a line that is broken, without a word to the other side."""
        self._open.pop(name, None)
        self._closers.pop(name, None)

    def drop_all(self) -> None:
        self._open.clear()
        self._closers.clear()

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        for close in self._closers.values():
            with contextlib.suppress(Exception):  # what was sent is sent, however the other side takes leave
                close()
        self.drop_all()


class Send(Protocol):
    def __call__(self, message: "Message", *, recipient: str, secret: str, lines: Lines) -> None: ...


@dataclass(frozen=True)
class Transport:
    """One way of sending. `recipient` is as it was registered, and may hold secrets."""

    problem: Callable[[str], str | None]  # why nothing can be sent to this recipient
    shown: Callable[[str], str]  # the recipient as people may see it
    way: Callable[[str, int], str]  # what stops working together, by recipient and config
    send: Send
    is_machine: bool
    seconds: float = SECONDS  # for one message


def within(seconds: float, work: Callable[[], T]) -> T:
    """What `work` returns or raises, if it does so in time.

    Socket time-outs begin anew with each byte, so a server that drips its answer would hold a worker for
    ever. Work that is late is left to a thread that ends when it does.
    """
    box: SimpleQueue[tuple[bool, Any]] = SimpleQueue()

    def run() -> None:
        try:
            box.put((True, work()))
        except BaseException as error:
            box.put((False, error))

    threading.Thread(target=run, name="send", daemon=True).start()
    try:
        is_done, result = box.get(timeout=seconds)
    except Empty:
        raise TransportError(f"No answer within {seconds:g} seconds.", down=True) from None
    if not is_done:
        raise result
    return result
