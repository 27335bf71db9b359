"""One PDF: a line of JSON about it and the HTML on stdin, the PDF on stdout, or a sentence on stderr.

    python -m analytics.pdf

A process of its own, since it takes much memory and seconds of processor time, and may be ended at any moment.
"""

import json
import sys
from datetime import datetime
from pathlib import Path

from analytics.pdf.fonts import UnusableFont
from analytics.pdf.rendering import PdfFailed, render


def main() -> int:
    about = json.loads(sys.stdin.buffer.readline())
    html = sys.stdin.buffer.read().decode()
    try:
        pdf = render(
            html,
            font=Path(about["font"]) if about["font"] else None,
            title=about["title"],
            author=about["author"],
            made_at=datetime.fromisoformat(about["madeAt"]),
        )
    except (PdfFailed, UnusableFont) as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 1
    sys.stdout.buffer.write(pdf)
    return 0


if __name__ == "__main__":
    sys.exit(main())
