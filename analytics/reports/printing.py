"""Making a PDF in a process of its own: it takes seconds of processor time and much memory, and may be ended."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from tempfile import TemporaryFile

from django.conf import settings

SECONDS = 240.0
TELL_SECONDS = 2.0


class PrintFailed(Exception):
    """There is no PDF; the reason is in the sentence."""


class PrintCutShort(PrintFailed):
    """It took too long, or something ended it: another time it may be made."""


class Cancelled(Exception):
    """Nobody wants it any more."""


def print_pdf(html: str, *, title: str, author: str, made_at: datetime, tell: Callable[[], None]) -> bytes:
    """HTML as PDF; `tell` is called now and then, and ends it by raising."""
    about = {
        "title": title,
        "author": author,
        "madeAt": made_at.isoformat(),
        "font": settings.REPORT_FONT,
    }
    given = json.dumps(about).encode() + b"\n" + html.encode()
    return printed_by([sys.executable, "-m", "analytics.pdf"], given, tell=tell, seconds=SECONDS)


def printed_by(argv: Sequence[str], given: bytes, *, tell: Callable[[], None], seconds: float) -> bytes:
    """What a program makes of what it is given."""
    pipe = subprocess.PIPE
    # A file and no pipe: how soon it is read does not matter then.
    with TemporaryFile() as source:
        source.write(given)
        source.seek(0)
        with subprocess.Popen(argv, stdin=source, stdout=pipe, stderr=pipe, cwd=settings.BASE_DIR) as child:
            try:
                made, said = _watched(child, tell, seconds)
            except BaseException:
                child.kill()
                raise
    if child.returncode < 0:
        raise PrintCutShort(f"Making the PDF was ended by signal {-child.returncode}.")
    if child.returncode:
        words = said.decode(errors="replace").strip().splitlines()
        raise PrintFailed(words[-1][:300] if words else f"The PDF could not be made ({child.returncode}).")
    return made


def _watched(child: subprocess.Popen[bytes], tell: Callable[[], None], seconds: float) -> tuple[bytes, bytes]:
    """What it wrote and what it said, when it has ended."""
    end = time.monotonic() + seconds
    while True:
        try:
            return child.communicate(timeout=TELL_SECONDS)
        except subprocess.TimeoutExpired:
            if time.monotonic() > end:
                raise PrintCutShort(f"The PDF was not made within {seconds:g} seconds.") from None
            tell()
