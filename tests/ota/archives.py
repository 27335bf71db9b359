"""Archives that are not what they seem."""

import io
import struct
import zipfile

MB = 1024 * 1024


def zipped(*contents: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(contents):
            archive.writestr(f"{number}.bin", content)
    return made.getvalue()


def promising(size: int, content: bytes = b"x") -> bytes:
    """A small archive whose directory speaks of a large file."""
    made = zipped(content)
    place = made.index(b"PK\x01\x02") + 24
    return made[:place] + struct.pack("<I", size) + made[place + 4 :]
