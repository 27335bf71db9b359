"""Making a PDF in a process of its own: it takes seconds of processor time and much memory, and may be ended."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime

from django.conf import settings

SECONDS = 240.0
TELL_SECONDS = 2.0


class PrintFailed(Exception):
    """There is no PDF; the reason is in the sentence."""


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
    argv = [sys.executable, "-m", "analytics.pdf"]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, cwd=settings.BASE_DIR) as child:
        try:
            pdf, said = _watched(child, given, tell)
        except BaseException:
            child.kill()
            raise
    if child.returncode:
        words = said.decode(errors="replace").strip().splitlines()
        raise PrintFailed(words[-1][:300] if words else f"The PDF could not be made ({child.returncode}).")
    return pdf


def _watched(child: subprocess.Popen[bytes], given: bytes, tell: Callable[[], None]) -> tuple[bytes, bytes]:
    """What it wrote and what it said, when it has ended."""
    end = time.monotonic() + SECONDS
    left: bytes | None = given
    while True:
        try:
            return child.communicate(left, timeout=TELL_SECONDS)
        except subprocess.TimeoutExpired:
            left = None  # it has kept what was not taken yet
            if time.monotonic() > end:
                raise PrintFailed(f"The PDF was not made within {SECONDS:g} seconds.") from None
            tell()
