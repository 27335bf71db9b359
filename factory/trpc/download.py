"""A file as the answer of a procedure: sent as it is made, for as long as it takes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header


@dataclass(frozen=True)
class Download:
    """What a procedure declared with `downloads=True` returns. `chunks` is closed when nobody wants more of it."""

    filename: str
    content_type: str
    chunks: Iterable[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> StreamingHttpResponse:
        response = StreamingHttpResponse(self.chunks, content_type=self.content_type)
        response.headers["Content-Disposition"] = content_disposition_header(True, self.filename)
        for name, value in self.headers.items():
            response.headers[name] = value
        return response
