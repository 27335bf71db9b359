"""Whatever comes in, no answer is a 5xx; whatever superjson says, it can be said back."""

import json
import math
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factory.trpc.superjson import decode, encode
from tests.trpc.asking import ask

FORBIDDEN = {"__proto__", "constructor", "prototype"}
# The machine may be busy; how long an example takes says nothing here.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
KEYS = st.text("ab01.\\é", max_size=6) | st.sampled_from(["json", "meta", "values", "__proto__"])
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
FLOATS = st.floats(allow_nan=True, allow_infinity=True)
DATES = st.datetimes(min_value=datetime(1, 1, 2), timezones=st.just(UTC)).map(
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)


def trees(leaves, keys=KEYS):
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
        max_leaves=12,
    )


JSON = trees(SCALARS | st.floats(allow_nan=False, allow_infinity=False))
NAMES = st.sampled_from(
    [
        "Date",
        "undefined",
        "bigint",
        "number",
        "set",
        "map",
        "regexp",
        "URL",
        "Error",
        "Nope",
        "class",
        "",
        "a",
        "0",
    ]
)
META = trees(
    SCALARS | NAMES | st.lists(NAMES | st.lists(NAMES, max_size=2), min_size=1, max_size=2), KEYS | NAMES
)


def without_nan(value):
    """NaN is unequal to itself; a word stands in for it."""
    if isinstance(value, dict):
        return {key: without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_nan(inner) for inner in value]
    return "not a number" if isinstance(value, float) and math.isnan(value) else value


def legacy_escape(path: str) -> str:
    return path.replace("\\\\", "\\")


@settings(CALM)
@given(trees(SCALARS | FLOATS | DATES, st.text(max_size=6).filter(lambda key: key not in FORBIDDEN)))
def test_superjson_reads_what_it_wrote(value):
    sent = json.loads(json.dumps(encode(value)))
    assert without_nan(decode(sent)) == without_nan(value)


OLD_KEYS = st.text(alphabet="ab0.\\", min_size=1, max_size=6).filter(lambda key: not key.endswith("\\"))


@settings(CALM)
@given(trees(SCALARS | DATES, OLD_KEYS))
def test_superjson_reads_what_older_versions_wrote(value):
    """They did not escape backslashes and named no version. (A key ending in one was ambiguous even then.)"""
    sent = json.loads(json.dumps(encode(value)))
    if "meta" in sent:
        del sent["meta"]["v"]
        if isinstance(sent["meta"]["values"], dict):
            sent["meta"]["values"] = {legacy_escape(p): kind for p, kind in sent["meta"]["values"].items()}
    assert decode(sent) == value


PATHS = st.sampled_from(
    [
        "echo",
        "hello",
        "echoMut",
        "post.byId",
        "post.add",
        "slow",
        "nope",
        "ping",
        "echo,hello,nope",
        "echoMut,post.add",
    ]
)
BODIES = (
    st.binary(max_size=60)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.fixed_dictionaries({"json": JSON, "meta": META}).map(lambda value: json.dumps(value).encode())
    | st.builds(
        lambda value, values, version: json.dumps(
            {"json": value, "meta": {"values": values, **version}}
        ).encode(),
        JSON,
        META,
        st.sampled_from([{}, {"v": 1}, {"v": "1"}, {"v": None}]),
    )
)


def no_surprise(answer):
    assert answer.status < 500, answer.text
    if answer.status != 204:
        for part in answer.text.rstrip("\n").split("\n"):
            json.loads(part, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@settings(CALM, max_examples=300)
@given(PATHS, BODIES, st.booleans(), st.booleans())
def test_no_body_ends_in_a_5xx(path, body, batch, stream):
    if batch:
        body = b'{"0":%s,"1":%s}' % (body, body)
    headers = {"trpc_accept": "application/jsonl"} if stream else {}
    query = "batch=1" if batch else ""

    no_surprise(ask("POST", path, query, body, **headers))
    no_surprise(ask("GET", path, f"{query}&input={quote(body)}", **headers))


@settings(CALM)
@given(
    st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS"]),
    st.text(max_size=20),
    st.text(alphabet=st.characters(max_codepoint=255), max_size=40),
    st.none() | st.sampled_from(["application/json", "multipart/form-data", "a/b; c"]),
)
def test_no_path_query_or_header_ends_in_a_5xx(method, path, query, content_type):
    no_surprise(ask(method, path, query, content_type=content_type))
    no_surprise(ask(method, path, f"batch=1&input={query}", content_type=content_type))
