"""Every mutation that a person calls, and every form that a person sends, ends up in the audit log."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.contrib import messages
from django.contrib.messages import constants as levels
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from factory import context
from factory.accounts.audit import Deed, record
from factory.accounts.audit_targets import target_of, target_of_call
from factory.accounts.audit_words import HIDDEN, form_summary, summary
from factory.accounts.identity import address_of
from factory.accounts.models import ApiToken, AuditEntry, User
from factory.accounts.noting import Notes, collecting
from factory.errors import DomainError
from factory.trpc.call import Call, Identity
from factory.trpc.errors import TRPCError
from factory.trpc.gateway import Carried
from factory.trpc.router import Procedure

Source, Outcome = AuditEntry.Source, AuditEntry.Outcome
# Where one becomes a person.
BY_STRANGERS = {"auth.login", "auth.register", "sign-in", "sign-in-code", "acknowledge-signed"}
BY_STRANGERS |= {"forgotten-password", "reset-password", "accept-invitation"}
NOT_KEPT = {"readings.create"}  # what is measured is no decision


def request_id_of(request: HttpRequest) -> str:
    """The same for all that one request does, and what its lines of log say; a proxy's, or our own."""
    known = str(context.ids().get("request_id", "")) or getattr(request, "audit_id", "")
    if not known:  # a socket's: its calls are no requests of their own
        known = context.request_id(request.headers.get("x-request-id", ""))
        request.audit_id = known  # type: ignore[attr-defined]
    return known


class ProcedureWitness:
    """What the gateway tells of: mutations over HTTP, in batches and on sockets. Devices' own are not kept."""

    def refused(
        self, request: HttpRequest, identity: Identity, procedure: Procedure, error: Exception
    ) -> None:
        if isinstance(identity.principal, User):
            self._keep(request, identity, procedure, Carried(), error)

    @contextmanager
    def carrying_out(self, call: Call, procedure: Procedure) -> Iterator[Carried]:
        carried = Carried()
        by_stranger = call.principal is None and procedure.path in BY_STRANGERS
        if procedure.path in NOT_KEPT or not (isinstance(call.principal, User) or by_stranger):
            yield carried
            return
        with collecting() as notes:
            try:
                yield carried
            except Exception as error:
                self._keep(call.http, call.identity, procedure, carried, error)
                raise
        self._keep(call.http, call.identity, procedure, carried, None, notes)

    def _keep(
        self,
        request: HttpRequest,
        identity: Identity,
        procedure: Procedure,
        carried: Carried,
        error: Exception | None,
        notes: Notes | None = None,
    ) -> None:
        given: Mapping[str, Any] = carried.given or {}
        is_refusal = isinstance(error, TRPCError | DomainError) or type(error).__name__ == "ValidationError"
        deed = Deed(
            source=Source.API if request.method == "POST" else Source.SOCKET,
            action=procedure.path,
            outcome=Outcome.DONE if error is None else Outcome.REFUSED if is_refusal else Outcome.FAILED,
            by=identity.principal if isinstance(identity.principal, User) else None,
            by_token=_token_of(identity),
            reason=str(error) if is_refusal else "",
            target=target_of_call(procedure.path, given, carried.value),
            asked=summary(_without_code(procedure, given)),
            address=address_of(request),
            request_id=request_id_of(request),
        )
        record(deed, at=timezone.now(), notes=notes)


def _token_of(identity: Identity) -> str:
    token = identity.credential
    return f"{token.name} ({token.start}…)" if isinstance(token, ApiToken) else ""


def _without_code(procedure: Procedure, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """A code of the second factor that was refused may still be somebody's: it is not written down."""
    if procedure.path.startswith("auth.") and "code" in given:
        return {**given, "code": HIDDEN}
    return given


class AuditedForms:
    """Middleware: the POSTs of pages and admin, when they have been answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method != "POST" or request.path_info.startswith("/api/"):
            return self.get_response(request)
        with collecting() as notes:
            response = self.get_response(request)
        self._keep(request, response, notes)
        return response

    def _keep(self, request: HttpRequest, response: HttpResponseBase, notes: Notes) -> None:
        found = request.resolver_match
        if found is None or not found.view_name:
            return
        by = request.user if request.user.is_authenticated else getattr(request, "proven_person", None)
        if by is None and found.view_name not in BY_STRANGERS:
            return  # sent on to the sign-in page
        is_admin = found.app_name == "admin"
        outcome, reason = _outcome(request, response)
        if is_admin and outcome == Outcome.DONE and response.status_code == 200 and not notes.changes:
            return  # the admin's page is shown again: a step before the one that does it, or a form's refusal
        kwargs = dict(found.kwargs)
        deed = Deed(
            source=Source.ADMIN if is_admin else Source.PAGE,
            action=_admin_action(request, found.url_name or "") if is_admin else found.view_name,
            outcome=outcome,
            by=by,
            reason=reason,
            target=_admin_target(found.url_name or "", kwargs) if is_admin else target_of(kwargs),
            asked={**summary(kwargs), **_selected(request), **form_summary(request.POST, request.FILES)},
            address=address_of(request),
            request_id=request_id_of(request),
        )
        record(deed, at=timezone.now(), notes=notes)


def _outcome(request: HttpRequest, response: HttpResponseBase) -> tuple[AuditEntry.Outcome, str]:
    """By the status of the answer and by what the person was told: a refusal is often a message on the next page."""
    if response.status_code >= 500:
        return Outcome.FAILED, ""
    if hasattr(request, "refused_because"):  # by a page that says so with 200
        return Outcome.REFUSED, request.refused_because
    # What was queued in this request; reading them the usual way would take them from the next page.
    told = getattr(messages.get_messages(request), "_queued_messages", [])
    refusals = [str(each.message) for each in told if each.level >= levels.WARNING]
    if response.status_code >= 400:
        return Outcome.REFUSED, " ".join(refusals)
    if refusals and not any(each.level < levels.WARNING for each in told):
        return Outcome.REFUSED, " ".join(refusals)
    return Outcome.DONE, " ".join(refusals)


def _selected(request: HttpRequest) -> dict[str, Any]:
    rows = request.POST.getlist("_selected_action")
    return summary({"selected": rows}) if rows else {}


def _admin_action(request: HttpRequest, url_name: str) -> str:
    """`devices_device_change` -> `devices.device.change`; of a list, the action that was chosen."""
    name = url_name.replace("_", ".", 2)
    chosen = request.POST.get("action", "")
    return f"{name.removesuffix('.changelist')}.{chosen}" if name.endswith(".changelist") and chosen else name


def _admin_target(url_name: str, kwargs: Mapping[str, Any]) -> tuple[str, str]:
    app, _, rest = url_name.partition("_")
    model = rest.partition("_")[0]
    id = kwargs.get("object_id") or kwargs.get("pk")
    return (f"{app}.{model}", str(id)) if id and model else ("", "")
