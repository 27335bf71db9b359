"""Pages and their styles and scripts go out compressed: a tablet at the end of the hall has a slow line."""

import gzip
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.text import compress_string

PAGES = ("text/html",)
FILES = ("text/css", "text/javascript", "application/javascript", "image/svg+xml")
SMALL = 700  # bytes that fit into one packet anyway
LARGE = 4_000_000  # what is larger is no style and no script
PADDING = 100  # bytes at most of a length that tells nothing of a page's secrets (BREACH)


class Smaller:
    """Around static files and pages alike. Exports, firmware and what procedures answer stay as they are."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.compressed: dict[tuple[str, str], bytes] = {}  # static files, by path and ETag: there are few

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response: Any = self.get_response(request)
        kind = response.get("Content-Type", "").partition(";")[0]
        if kind not in PAGES + FILES or response.has_header("Content-Encoding"):
            return response
        patch_vary_headers(response, ["Accept-Encoding"])
        asked = request.headers.get("Accept-Encoding", "")
        if response.status_code != 200 or "gzip" not in asked or "Range" in request.headers:
            return response
        if request.method == "HEAD" or not SMALL < int(response.get("Content-Length", SMALL + 1)) < LARGE:
            return response
        if not response.streaming:
            content = response.content
            if len(content) > SMALL:
                self._put(response, compress_string(content, max_random_bytes=PADDING))
        elif kind in FILES and response.has_header("ETag"):
            self._put(response, self._file(request.path, response))
        return response

    def _file(self, path: str, response: Any) -> bytes:
        key = (path, response["ETag"])
        if key not in self.compressed:
            self.compressed[key] = gzip.compress(b"".join(response.streaming_content), 9, mtime=0)
        return self.compressed[key]

    def _put(self, response: Any, content: bytes) -> None:
        if response.streaming:
            response.streaming_content = (content,)
        else:
            response.content = content
        response["Content-Encoding"] = "gzip"
        response["Content-Length"] = str(len(content))
