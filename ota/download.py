"""`/api/firmware/<id>/file`: the binary, to the device it is for, from where the last attempt ended.

Devices on a plant whose storage is S3 are led there by their link (ota.links). Asked here all the same, we stream
from S3 and do not redirect: a redirect would take the device's token along, which S3 refuses, and lose the ETag
that an interrupted download is continued by.
"""

import logging
import time
from collections.abc import Iterator

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header
from django.utils.translation import gettext

from devices.identity import DevicePrincipal, identify_device
from factory.accounts.api_token_identity import identify_api_token
from factory.accounts.identity import identify_person
from factory.accounts.permissions import TECHNICIAN
from factory.errors import Forbidden, Unauthorized
from factory.trpc.call import first_identity
from factory.trpc.errors import TRPCError, refusal_for
from ota import shelf
from ota.links import permit_of
from ota.models import Deployment, Firmware
from ota.queries.firmware import get_firmware
from ota.ranges import Unsatisfiable, is_for_this, part_asked_for
from ota.services.places import LEASE, Place, keep_place, leave_place, take_place

logger = logging.getLogger(__name__)

WAYS = (identify_device, identify_api_token, identify_person)
KEEP_SECONDS = LEASE.total_seconds() / 3
HEADERS = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-transform",
    "Vary": "Authorization, Cookie",
}


class CutShort(Exception):
    """Half a file was sent. The connection is broken off, and the device goes on where it was."""


def firmware_file(request: HttpRequest, firmware_id: int) -> HttpResponseBase:
    """The file, a part of it, or why not."""
    try:
        if request.method not in {"GET", "HEAD"}:
            raise TRPCError("METHOD_NOT_SUPPORTED", "GET or HEAD.", headers={"Allow": "GET, HEAD"})
        device_id = _who_may(request, firmware_id)
        return _answer(request, _offered(firmware_id, device_id), device_id)
    except Exception as error:
        refusal = refusal_for(error, None)
        return JsonResponse(
            {"error": refusal.shape(None)},
            status=refusal.status,
            headers={**refusal.headers, "Cache-Control": "no-store"},
        )


def _who_may(request: HttpRequest, firmware_id: int) -> int | None:
    """The device that this is for, or None for a person who may; nobody else learns whether it exists."""
    permit = permit_of(request.GET.get("key", ""), at=timezone.now())
    if permit is not None and permit.firmware_id == firmware_id:
        wanted = Deployment.objects.filter(pk=permit.deployment_id)
        device_id = permit.device_id
    else:
        identity = first_identity(WAYS, request)
        if identity.principal is None:
            raise Unauthorized(
                gettext("Sign in, show the device's token, or ask for a new link: this one is over.")
            )
        if TECHNICIAN.allows(identity):
            return None
        if not isinstance(identity.principal, DevicePrincipal):
            raise Forbidden(gettext("Firmware is for technicians and for the devices it is deployed to."))
        wanted = Deployment.objects.all()
        device_id = identity.principal.device_id
    awaited = wanted.active().filter(device=device_id, firmware=firmware_id, device__deactivated_at=None)
    # A number that no row can have is not asked for: SQLite would take it for an error.
    if firmware_id >= 2**63 or not awaited.exists():
        raise Forbidden(gettext("This device has no update to this firmware under way."))
    return device_id


def _offered(firmware_id: int, device_id: int | None) -> Firmware:
    firmware = get_firmware(firmware_id)
    if device_id is not None and firmware.withdrawn_at is not None:
        raise Forbidden(gettext("Version %(version)s was withdrawn.") % {"version": firmware.version})
    return firmware


def _answer(request: HttpRequest, firmware: Firmware, device_id: int | None) -> HttpResponseBase:
    if not firmware.file:
        return HttpResponseRedirect(firmware.url)
    etag = f'"{firmware.checksum}"'
    response: HttpResponseBase
    condition = get_conditional_response(request, etag=etag)
    if condition is not None:  # 304, or 412: what was asked for is another file
        response = HttpResponse(status=condition.status_code)
        del response.headers["Content-Type"]
    else:
        response = _content(request, firmware, etag, device_id)
    for name, value in {**HEADERS, "ETag": etag}.items():
        response.headers[name] = value
    return response


def _content(request: HttpRequest, firmware: Firmware, etag: str, device_id: int | None) -> HttpResponseBase:
    start, stop, is_part = 0, firmware.size, False
    asked = request.headers.get("Range", "") if request.method == "GET" else ""
    if asked and is_for_this(request.headers.get("If-Range", ""), etag):
        try:
            part = part_asked_for(asked, firmware.size)
        except Unsatisfiable:
            return HttpResponse(status=416, headers={"Content-Range": f"bytes */{firmware.size}"})
        if part is not None:
            (start, stop), is_part = part, True
    response: HttpResponseBase
    if request.method == "HEAD":
        response = HttpResponse(content_type="application/octet-stream")
    else:
        response = StreamingHttpResponse(
            Sending(firmware, start, stop, device_id),
            content_type="application/octet-stream",
            status=206 if is_part else 200,
        )
    if is_part:
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{firmware.size}"
    response.headers["Content-Length"] = str(stop - start)
    filename = f"{firmware.device_type}-{firmware.version}.bin"
    response.headers["Content-Disposition"] = content_disposition_header(True, filename) or "attachment"
    return response


class Sending:
    """The bytes [start, stop) of a firmware on their way; holds one of the places until it is closed."""

    def __init__(self, firmware: Firmware, start: int, stop: int, device_id: int | None) -> None:
        self._firmware_id = firmware.pk
        self._place: Place | None = take_place(device_id=device_id, at=timezone.now())
        try:
            self._reading = shelf.Reading(firmware.file, size=firmware.size, start=start, stop=stop)
        except BaseException as error:
            self._leave()
            if isinstance(error, shelf.FileChanged):
                logger.error("firmware.file_changed", extra={"firmware_id": firmware.pk, "error": str(error)})
                raise TRPCError("BAD_GATEWAY", "The storage does not hold what was uploaded.") from None
            raise

    def __iter__(self) -> Iterator[bytes]:
        began = kept = time.monotonic()
        if not connection.in_atomic_block:  # as it is in a test
            connection.close()  # a download takes long, and the database has only so many
        for piece in self._reading:
            now = time.monotonic()
            if now - began > settings.DOWNLOAD_TIMEOUT:
                raise CutShort(f"a download may take {settings.DOWNLOAD_TIMEOUT} s")
            if now - kept > KEEP_SECONDS:
                self._keep()
                kept = now
            yield piece

    def _keep(self) -> None:
        assert self._place is not None
        try:
            kept = keep_place(place=self._place, at=timezone.now())
        except DatabaseError as error:  # it may be back before somebody else wants this place
            logger.warning("firmware.place_not_kept", extra={"error": str(error)})
            return
        if not kept:
            raise CutShort("the place was given to somebody else")

    def close(self) -> None:
        self._reading.close()
        self._leave()

    def _leave(self) -> None:
        place, self._place = self._place, None
        if place is None:
            return
        try:
            leave_place(place=place)
        except DatabaseError as error:  # it is free by itself soon
            logger.warning("firmware.place_not_left", extra={"error": str(error)})
