"""OpenAPI 3.1 of a registry: every procedure with its shapes, examples, refusals, roles and limits."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from drf_spectacular.plumbing import build_root_object

from factory.trpc.errors import CODES
from factory.trpc.examples import Examples
from factory.trpc.permissions import Permission
from factory.trpc.router import Deprecated, Procedure
from factory.trpc.shapes import Shape, Shapes

REFUSALS: dict[int, str] = {
    400: "The input is not what the procedure takes; `error.data.fieldErrors` says where.",
    401: "Nobody is signed in, or the credential has ended.",
    403: "Not for this caller; or a cookie without an `Origin` of this site.",
    404: "There is no such thing.",
    405: "Another method than the one documented here.",
    408: "It took too long and was given up.",
    409: "Somebody or something got there first.",
    411: "A body without `Content-Length`.",
    412: "Something that it needs is missing.",
    413: "A body, a file or a day's files larger than allowed.",
    415: "A body that is not JSON.",
    429: "Too many requests; `Retry-After` says when to come again.",
    503: "Not now: full, late, or without the database; `Retry-After` says when to come again.",
}
ONLY_WRITES = {409, 411, 412, 413, 415}
LIMIT_HEADERS = {
    "X-RateLimit-Limit": "How many requests the caller has a minute.",
    "X-RateLimit-Remaining": "How many of them are left.",
    "X-RateLimit-Reset": "When there are all of them again, in seconds since the epoch.",
}
REFUSAL: Shape = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "code", "data"],
            "properties": {
                "message": {"type": "string"},
                "code": {
                    "type": "integer",
                    "description": "tRPC's number; `data.code` is the word to go by.",
                },
                "data": {
                    "type": "object",
                    "required": ["code", "httpStatus"],
                    "properties": {
                        "code": {"enum": list(CODES), "type": "string"},
                        "httpStatus": {"type": "integer"},
                        "path": {"type": "string"},
                        "fieldErrors": {
                            "type": "object",
                            "additionalProperties": {"type": "array", "items": {"type": "string"}},
                        },
                        "formErrors": {"type": "array", "items": {"type": "string"}},
                    },
                },
            },
        }
    },
}


def openapi(
    procedures: Iterable[Procedure],
    *,
    title: str,
    version: str,
    description: str,
    prefix: str,
    security_schemes: Mapping[str, Any],
    security_for: Callable[[Permission], list[dict[str, list]]],
    words: Mapping[str, str],
) -> dict[str, Any]:
    """`security_for` says which of the schemes open a procedure; `words` stand for text in examples."""
    procedures = sorted(procedures, key=lambda procedure: procedure.path)
    shapes = Shapes(procedures)
    told = [(each, shapes.input_of(each), shapes.output_of(each)) for each in procedures]
    components = {"Refusal": REFUSAL, **shapes.components()}
    examples, paths = Examples(components, words), {}
    for procedure, given, answer in told:
        operation = _operation(procedure, given, answer, examples)
        operation["security"] = security_for(procedure.permission)
        method = "post" if procedure.kind == "mutation" else "get"
        paths[f"{prefix}/{procedure.path}"] = {method: operation}
    document = build_root_object(
        paths,
        {
            "schemas": dict(sorted(components.items())),
            "responses": {str(status): _refusal(status) for status in REFUSALS},
            "headers": {name: _header(words) for name, words in LIMIT_HEADERS.items()},
            "securitySchemes": dict(security_schemes),
        },
        None,
        version,
    )
    document["info"] |= {"title": title, "version": version, "description": description}
    document["tags"] = [{"name": name} for name in sorted({_tag(procedure) for procedure in procedures})]
    document["servers"] = [{"url": "/"}]
    return document


def _operation(
    procedure: Procedure, given: Shape | None, answer: Shape, examples: Examples
) -> dict[str, Any]:
    summary, _, more = procedure.doc.partition("\n\n")
    operation: dict[str, Any] = {
        "operationId": procedure.path,
        "summary": " ".join(summary.split()),
        "description": _description(procedure, more),
        "tags": [_tag(procedure)],
        "x-role": procedure.permission.name,
        "x-kind": procedure.kind,
        "responses": _responses(procedure, answer, examples),
    }
    if procedure.deprecated:
        operation["deprecated"] = True
    if given is None:
        if procedure.kind != "mutation":
            return operation
        given = {}  # whatever is sent is ignored
    example = examples.of(given)
    if procedure.kind != "mutation":
        content = {"application/json": {"schema": given, "example": example}}
        operation["parameters"] = [
            {
                "name": "input",
                "in": "query",
                "required": _is_needed(given),
                "description": "The input as JSON.",
                "content": content,
            }
        ]
    else:
        # Also where nothing has to be said: without the content type of JSON a POST could be a form of any page.
        operation["requestBody"] = {"required": True, "content": _bodies(procedure, given, example)}
    return operation


def _bodies(procedure: Procedure, given: Shape, example: Any) -> dict[str, Any]:
    if not procedure.accepts_form:
        return {"application/json": {"schema": given, "example": example}}
    files = [name for name, shape in given["properties"].items() if shape.get("format") == "binary"]
    plain = {name: shape for name, shape in given["properties"].items() if name not in files}
    return {
        "application/json": {"schema": {**given, "properties": plain}, "example": example},
        "multipart/form-data": {"schema": given},
    }


def _is_needed(given: Shape) -> bool:
    return bool(given.get("required")) or given.get("type") != "object"


def _description(procedure: Procedure, more: str) -> str:
    parts = [more.strip(), f"For: {procedure.permission.name}."]
    if procedure.deprecated:
        parts.append(_farewell(procedure.deprecated))
    return "\n\n".join(part for part in parts if part)


def _farewell(deprecated: Deprecated) -> str:
    instead = f" Use `{deprecated.instead}`." if deprecated.instead else ""
    return f"Deprecated since {deprecated.since}, gone after {deprecated.until}.{instead}"


def _responses(procedure: Procedure, answer: Shape, examples: Examples) -> dict[str, Any]:
    headers: dict[str, Any] = {name: {"$ref": f"#/components/headers/{name}"} for name in LIMIT_HEADERS}
    if procedure.many and "X-Total-Count" in procedure.doc:
        headers["X-Total-Count"] = _header("How many there are in all.", kind="integer")
    if procedure.notice:
        headers["Deprecation"] = _header("Since when, by RFC 9745.", kind="string")
        headers["Sunset"] = _header("Until when, by RFC 8594.", kind="string")
    good = {"description": "Done.", "headers": headers, "content": _good(procedure, answer, examples)}
    statuses = [
        status
        for status in REFUSALS
        if procedure.kind == "mutation" or status not in ONLY_WRITES - {409, 412}
    ]
    return {"200": good, **{str(each): {"$ref": f"#/components/responses/{each}"} for each in statuses}}


def _good(procedure: Procedure, answer: Shape, examples: Examples) -> dict[str, Any]:
    if procedure.downloads:
        return {"text/csv": {"schema": {"type": "string"}}}
    if procedure.kind == "subscription":  # each event carries one
        return {"text/event-stream": {"schema": {"type": "string"}, "x-event": answer}}
    envelope: Shape = {
        "type": "object",
        "required": ["result"],
        "properties": {
            "result": {"type": "object", "required": ["data"], "properties": {"data": answer}},
        },
    }
    example = {"result": {"data": examples.of(answer)}}
    return {"application/json": {"schema": envelope, "example": example}}


def _refusal(status: int) -> dict[str, Any]:
    usual = (
        "BAD_REQUEST" if status in (400, 411) else next(k for k, told in CODES.items() if told[1] == status)
    )
    key, number = usual, CODES[usual][0]
    data = {"code": key, "httpStatus": status, "path": "..."}
    refusal: dict[str, Any] = {
        "description": REFUSALS[status],
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Refusal"},
                "example": {"error": {"message": REFUSALS[status], "code": number, "data": data}},
            }
        },
    }
    if status in (429, 503):
        refusal["headers"] = {"Retry-After": _header("Seconds to wait.", kind="integer")}
    if status == 429:
        refusal["headers"] |= {name: {"$ref": f"#/components/headers/{name}"} for name in LIMIT_HEADERS}
    return refusal


def _header(words: str, *, kind: str = "integer") -> dict[str, Any]:
    return {"description": words, "schema": {"type": kind}}


def _tag(procedure: Procedure) -> str:
    return procedure.path.partition(".")[0]
