"""What is promised to clients: nothing goes away unannounced, and two major versions stay served side by side."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from factory.trpc.router import Procedure, Registry
from factory.trpc.shapes import Shape, Shapes

# Members of a shape that narrow an input when they move this way.
LOWER_BOUNDS = ("minimum", "minLength", "minItems")
UPPER_BOUNDS = ("maximum", "maxLength", "maxItems")


def contract_of(registry: Registry) -> dict[str, Any]:
    """The shapes of all procedures as one JSON-like object, to be kept and compared with later ones."""
    procedures = sorted(registry, key=lambda procedure: procedure.path)
    shapes = Shapes(procedures)
    told = {procedure.path: _told(procedure, shapes) for procedure in procedures}
    return {"procedures": told, "components": shapes.components()}


def _told(procedure: Procedure, shapes: Shapes) -> dict[str, Any]:
    gone = procedure.deprecated
    return {
        "kind": procedure.kind,
        "role": procedure.permission.name,
        "input": shapes.input_of(procedure),
        "output": "a file" if procedure.downloads else shapes.output_of(procedure),
        "deprecated": gone and {"since": str(gone.since), "until": str(gone.until)},
    }


def broken_promises(versions: Mapping[int, Registry]) -> list[str]:
    """What the versions that are served break: gaps between them, and what the next one takes away unannounced."""
    newest = max(versions)
    wanted = set(range(max(1, newest - 1), newest + 1))
    broken = [f"Version {number} has to stay served beside {newest}." for number in wanted - set(versions)]
    for number in sorted(versions):
        if number + 1 in versions:
            before, after = contract_of(versions[number]), contract_of(versions[number + 1])
            broken += [f"Version {number + 1}: {what}" for what in breaks(before, after, today=date.max)]
    return broken


def breaks(before: Mapping[str, Any], after: Mapping[str, Any], *, today: date) -> list[str]:
    """What clients of `before` would trip over in `after`. What was deprecated and has ended may be gone."""
    told = []
    for path, old in before["procedures"].items():
        new = after["procedures"].get(path)
        gone = old["deprecated"]
        if gone and date.fromisoformat(gone["until"]) < today:
            continue
        if new is None:
            told.append(f"{path} is gone without having been deprecated until its end.")
        elif new["kind"] != old["kind"]:
            told.append(f"{path} was a {old['kind']} and is a {new['kind']}.")
        else:
            told += [f"{path}: {what}" for what in _input_breaks(old["input"], new["input"])]
            pair = expanded(old["output"], before["components"]), expanded(new["output"], after["components"])
            told += [f"{path}: {what}" for what in _answer_breaks(*pair, "output")]
    return told


def expanded(shape: Any, components: Mapping[str, Any]) -> Any:
    """The shape with what it refers to in place."""
    if isinstance(shape, list):
        return [expanded(each, components) for each in shape]
    if not isinstance(shape, dict):
        return shape
    if "$ref" in shape:
        return expanded(components[shape["$ref"].rpartition("/")[2]], components)
    return {name: expanded(inner, components) for name, inner in shape.items()}


def _input_breaks(old: Shape | None, new: Shape | None) -> list[str]:
    if old is None:  # whatever is sent was ignored; it may only be something that need not be sent
        return ["takes an input that has to be given."] if new and new.get("required") else []
    return ["takes no input any more."] if new is None else list(_narrower(old, new, "input"))


def _narrower(old: Shape, new: Shape, place: str) -> Iterator[str]:
    if alternatives_of(old) - alternatives_of(new):
        yield f"{place} takes fewer kinds of values."
        return
    before: list[Any] | None = old.get("enum")
    after: list[Any] | None = new.get("enum")
    if after is not None and (before is None or set(before) - set(after)):
        yield f"{place} takes fewer words."
    for names, sign in ((LOWER_BOUNDS, 1), (UPPER_BOUNDS, -1)):
        for name in names:
            if name in new and (name not in old or sign * (new[name] - old[name]) > 0):
                yield f"{place}: {name} is stricter."
    for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
        yield f"{place}.{name} has to be given now."
    for name, inner in old.get("properties", {}).items():
        if name in new.get("properties", {}):
            yield from _narrower(inner, new["properties"][name], f"{place}.{name}")
        elif not inner.get("deprecated"):
            yield f"{place}.{name} is gone without having been deprecated."
    if "items" in old and "items" in new:
        yield from _narrower(old["items"], new["items"], f"{place}[]")


def _answer_breaks(old: Any, new: Any, place: str) -> Iterator[str]:
    if not isinstance(old, dict) or not isinstance(new, dict):
        if old != new:
            yield f"{place} is another thing."
        return
    if not old:  # nothing was said of it
        return
    if alternatives_of(new) - alternatives_of(old):
        yield f"{place} may be something that it never was."
        return
    for name, inner in old.get("properties", {}).items():
        here = f"{place}.{name}"
        if name not in new.get("properties", {}):
            if not inner.get("deprecated"):
                yield f"{here} is gone without having been deprecated."
        elif name in old.get("required", ()) and name not in new.get("required", ()):
            yield f"{here} may be missing."
        else:
            yield from _answer_breaks(inner, new["properties"][name], here)
    for name in ("items", "additionalProperties"):
        if isinstance(old.get(name), dict) and isinstance(new.get(name), dict):
            yield from _answer_breaks(old[name], new[name], f"{place}[]")
    for name in ("anyOf", "oneOf"):
        for each, other in zip(old.get(name, ()), new.get(name, ()), strict=False):
            yield from _answer_breaks(each, other, place)


def alternatives_of(shape: Shape) -> set[str]:
    """The JSON types that a value of this shape may have."""
    inner = [each for name in ("anyOf", "oneOf") for each in shape.get(name, ())]
    if inner:
        return set().union(*(alternatives_of(each) for each in inner))
    kinds = shape.get("type", ["anything"])
    return {kinds} if isinstance(kinds, str) else set(kinds)
