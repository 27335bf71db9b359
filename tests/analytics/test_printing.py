"""What makes PDFs is a program of its own: it may be slow to start, take too long, be ended, or say why not."""

import os
import signal
import sys

import pytest

from analytics.reports.printing import Cancelled, PrintCutShort, PrintFailed, printed_by

GIVEN = b"0123456789" * 20_000  # more than a pipe holds
ECHO = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"


def run(program: str, *, given: bytes = GIVEN, tell=lambda: None, seconds: float = 60.0) -> bytes:
    return printed_by([sys.executable, "-c", program], given, tell=tell, seconds=seconds)


def test_one_that_begins_to_read_late_is_given_all_of_it():
    told = []

    assert run(f"import time; time.sleep(3); {ECHO}", tell=lambda: told.append(1)) == GIVEN
    assert told, "it was asked for meanwhile whether anybody wants it still"


def test_one_that_takes_too_long_is_ended_and_may_be_tried_again():
    with pytest.raises(PrintCutShort, match=r"not made within 0\.5 seconds"):
        run("import time; time.sleep(60)", seconds=0.5)


def test_one_that_something_ended_may_be_tried_again():
    with pytest.raises(PrintCutShort, match="ended by signal 9"):
        run(f"import os; os.kill(os.getpid(), {signal.SIGKILL})")


def test_one_that_refuses_says_why_and_is_not_tried_again():
    with pytest.raises(PrintFailed, match="No such font") as refused:
        run("import sys; sys.exit('No such font.')")
    assert not isinstance(refused.value, PrintCutShort)


def test_one_that_nobody_wants_any_more_is_ended(tmp_path):
    number = tmp_path / "its number"

    def tell():
        raise Cancelled

    with pytest.raises(Cancelled):
        run(f"import os, time; open({str(number)!r}, 'w').write(str(os.getpid())); time.sleep(60)", tell=tell)

    with pytest.raises(ProcessLookupError):
        os.kill(int(number.read_text()), 0)
