"""Making a PDF in a process of its own: it takes seconds of processor time and much memory, and may be ended."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

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
    child = subprocess.Popen(
        [sys.executable, "-m", "analytics.pdf"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(settings.BASE_DIR),
    )
    given: bytes | None = json.dumps(about).encode() + b"\n" + html.encode()
    end = time.monotonic() + SECONDS
    try:
        while True:
            try:
                pdf, said = child.communicate(given, timeout=TELL_SECONDS)
                break
            except subprocess.TimeoutExpired:
                given = None  # communicate has kept it
                if time.monotonic() > end:
                    raise PrintFailed(f"The PDF was not made within {SECONDS:g} seconds.") from None
                tell()
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
    if child.returncode:
        words = said.decode(errors="replace").strip().splitlines()
        raise PrintFailed(words[-1][:300] if words else f"The PDF could not be made ({child.returncode}).")
    return pdf
