"""A file as the answer of a procedure: sent as it is made, for as long as it takes."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from django.conf import settings
from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

from factory.errors import TimeIsUp


@dataclass(frozen=True)
class Download:
    """What a procedure declared with `downloads=True` returns. `chunks` is closed when nobody wants more of it."""

    filename: str
    content_type: str
    chunks: Iterable[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> StreamingHttpResponse:
        response = StreamingHttpResponse(_InTime(self.chunks), content_type=self.content_type)
        response.headers["Content-Disposition"] = content_disposition_header(True, self.filename)
        for name, value in self.headers.items():
            response.headers[name] = value
        return response


class _InTime:
    """The pieces, for as long as a download may take; then the connection is broken off."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        began = time.monotonic()
        for piece in self._chunks:
            if time.monotonic() - began > settings.DOWNLOAD_TIMEOUT:
                raise TimeIsUp(f"a download may take {settings.DOWNLOAD_TIMEOUT} s")
            yield piece

    def close(self) -> None:
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()
