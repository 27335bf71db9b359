"""`/api/auth/*`: procedures as plain JSON, without the envelope, for older clients."""

from collections.abc import Callable

import orjson
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from factory.trpc.gateway import Gateway


def plain_twin(gateway: Gateway, path: str) -> Callable[[HttpRequest], HttpResponse]:
    """A view that runs one procedure and answers its data, or `{message, code}` with the right status."""

    @csrf_exempt  # the gateway asks for JSON and, with a cookie, for its own Origin
    def view(request: HttpRequest) -> HttpResponse:
        if request.GET.get("batch") == "1":
            refusal = {"message": "Batches are for /api/trpc.", "code": "BAD_REQUEST"}
            return HttpResponse(orjson.dumps(refusal), status=400, content_type="application/json")
        response = gateway.view(request, path)
        assert isinstance(response, HttpResponse), f"{path} answers with a file, which has no plain twin"
        if not response.content:
            return response
        envelope = orjson.loads(response.content)
        if "error" in envelope:
            error = envelope["error"]
            error = error.get("json", error)  # who wrote superjson is still answered plainly
            body = {"message": error["message"], "code": error["data"]["code"]}
            body |= {name: error["data"][name] for name in ("fieldErrors", "reason") if name in error["data"]}
        else:
            body = envelope["result"].get("data")
        response.content = orjson.dumps(body)
        response.headers["Content-Length"] = str(len(response.content))
        return response

    return view
