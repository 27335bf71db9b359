"""`AppRouter` for `createTRPCClient<AppRouter>` of @trpc/client 11, written from the shapes of the procedures."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from factory.trpc.fields import MILLIS
from factory.trpc.router import Procedure
from factory.trpc.shapes import Shape, Shapes

NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*\Z")
HEAD = """\
// The types of {title}, version {version}. Made by the server from its procedures; take it anew with each release.
//
//   import {{ createTRPCClient, httpBatchLink }} from '@trpc/client';
//   import superjson from 'superjson';
//   import type {{ AppRouter }} from './trpc-types';
//   const link = httpBatchLink({{ url: '/api/trpc', transformer: superjson }});
//   const api = createTRPCClient<AppRouter>({{ links: [link] }});
//
// Without a transformer use PlainAppRouter: dates are ISO 8601 strings there.

// Where every version of 11 has it; @trpc/client takes it from there, too.
import type {{ BuiltRouter }} from '@trpc/server/unstable-core-do-not-import';
import type {{
  TRPCMutationProcedure,
  TRPCQueryProcedure,
  TRPCSubscriptionProcedure,
}} from '@trpc/server';

/** What `error.data` of a TRPCClientError carries; `code` is the word to go by. */
export interface RefusalData {{
  code: RefusalCode;
  httpStatus: number;
  path?: string;
  stack?: string;
  /** Reasons by the name of the field. */
  fieldErrors?: Record<string, string[]>;
  formErrors?: string[];
}}

export interface RefusalShape {{
  message: string;
  code: RefusalNumber;
  data: RefusalData;
}}
"""
FOOT = """\
interface RootTypes<Transformer extends boolean> {
  ctx: object;
  meta: object;
  errorShape: RefusalShape;
  transformer: Transformer;
}

/** For clients with superjson, which brings dates as Date. */
export type AppRouter = BuiltRouter<RootTypes<true>, Procedures>;

/** For clients without a transformer. */
export type PlainAppRouter = BuiltRouter<RootTypes<false>, Procedures>;
"""
KINDS = {
    "query": "TRPCQueryProcedure",
    "mutation": "TRPCMutationProcedure",
    "subscription": "TRPCSubscriptionProcedure",
}


def typescript(
    procedures: Iterable[Procedure], *, title: str, version: str, codes: dict[str, tuple[int, int]]
) -> str:
    """A declaration file; the same text for the same procedures."""
    procedures = sorted(procedures, key=lambda procedure: procedure.path)
    shapes = Shapes(procedures)
    tree: dict[str, Any] = {}
    for procedure in procedures:
        *folders, name = procedure.path.split(".")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = _procedure(procedure, shapes.input_of(procedure), shapes.output_of(procedure))
    numbers = sorted({number for number, _ in codes.values()})
    return "\n".join(
        [
            HEAD.format(title=title, version=version),
            f"export type RefusalCode =\n  | {_union(codes)};\n",
            f"export type RefusalNumber = {' | '.join(map(str, numbers))};\n",
            *(_interface(name, shape) for name, shape in sorted(shapes.components().items())),
            f"export type Procedures = {_tree(tree, '')};\n",
            FOOT,
        ]
    )


def _union(words: Iterable[str]) -> str:
    return "\n  | ".join(f"'{word}'" for word in words)


@dataclass(frozen=True)
class _Leaf:
    words: list[str]
    type: str


def _procedure(procedure: Procedure, given: Shape | None, answer: Shape) -> _Leaf:
    told = "void" if given is None else type_of(given, is_input=True)
    if given is not None and given.get("type") == "object" and not given.get("required"):
        told = f"{told} | void"
    output = type_of(answer)
    words = [*procedure.doc.replace("*/", "* /").splitlines(), f"For: {procedure.permission.name}."]
    if procedure.kind == "subscription":
        if "lastEventId" in (given or {}).get("properties", {}):  # each with an id, to go on after it
            output = f"{{ id: string; data: {output} }}"
        output = f"AsyncIterable<{output}, void, unknown>"
    if procedure.downloads:
        output = "never"
        words.append("Answers with a file: fetch its address, a tRPC client cannot read it.")
    if procedure.deprecated:
        instead = f" Use {procedure.deprecated.instead}." if procedure.deprecated.instead else ""
        words.append(
            f"@deprecated Since {procedure.deprecated.since}, gone after {procedure.deprecated.until}.{instead}"
        )
    return _Leaf(words, f"{KINDS[procedure.kind]}<{{ input: {told}; output: {output}; meta: object }}>")


def _tree(tree: dict[str, Any], indent: str) -> str:
    lines = ["{"]
    inside = indent + "  "
    for name, inner in tree.items():
        if isinstance(inner, _Leaf):
            lines.append(f"{inside}/**")
            lines.extend(f"{inside} * {words}".rstrip() for words in inner.words)
            lines.append(f"{inside} */")
        told = inner.type if isinstance(inner, _Leaf) else _tree(inner, inside)
        lines.append(f"{inside}{name}: {told};")
    return "\n".join([*lines, indent + "}"])


def _interface(name: str, shape: Shape) -> str:
    return f"export interface {name} {_members(shape, is_input=False, indent='')}\n"


def type_of(shape: Shape, *, is_input: bool = False, indent: str = "    ") -> str:
    """The TypeScript type of a shape. Dates come as Date, and may be sent as one."""
    if "$ref" in shape:
        return shape["$ref"].rpartition("/")[2]
    for alternatives in ("anyOf", "oneOf"):
        if alternatives in shape:
            told = [type_of(each, is_input=is_input, indent=indent) for each in shape[alternatives]]
            return " | ".join(dict.fromkeys(told))
    kinds = shape.get("type", "unknown")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "enum" in shape:
        return " | ".join("null" if each is None else json.dumps(each) for each in shape["enum"])
    return " | ".join(_of_kind(kind, shape, is_input, indent) for kind in kinds)


def _of_kind(kind: str, shape: Shape, is_input: bool, indent: str) -> str:
    match kind:
        case "object" if "properties" in shape:
            return _members(shape, is_input=is_input, indent=indent)
        case "object":
            inner = shape.get("additionalProperties")
            inner = type_of(inner, is_input=is_input, indent=indent) if inner else "unknown"
            return f"Record<string, {inner}>"
        case "array":
            return f"Array<{type_of(shape['items'], is_input=is_input, indent=indent)}>"
        case "string" if shape.get("format") == "date-time":
            return "Date | string" if is_input else "Date"
        case "string" if shape.get("format") == "binary":
            return "Blob"
        case "integer" if shape.get("format") == MILLIS and is_input:
            return "number | Date"
        case "integer" | "number":
            return "number"
    return kind  # string, boolean, null, unknown


def _members(shape: Shape, *, is_input: bool, indent: str) -> str:
    required = shape.get("required", ())
    lines = ["{"]
    for name, inner in shape["properties"].items():
        if inner.get("deprecated"):
            lines.append(f"{indent}  /** @deprecated */")
        told = type_of(inner, is_input=is_input, indent=indent + "  ")
        key = name if NAME.match(name) else json.dumps(name)
        lines.append(f"{indent}  {key}{'' if name in required else '?'}: {told};")
    return "\n".join([*lines, indent + "}"])
