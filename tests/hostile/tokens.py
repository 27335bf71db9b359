"""JSON Web Tokens that nobody should believe: forged, or ours and no longer, or not as we write them."""

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Iterator
from typing import Any

from tests.hostile.asking import Ask

ASKED = "/api/trpc/auth.sessions"  # for whoever is signed in
GUESSES = (
    b"",
    b"secret",
    b"\0",
    b"HS256",
    b"-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n",
    b"None",
)
KIDS = (
    "../../../../dev/null",
    "/dev/null",
    "/proc/sys/kernel/randomize_va_space",
    "..\\..\\windows\\win.ini",
    "x' UNION SELECT 'secret' -- ",
    "x'; DROP TABLE accounts_session; -- ",
    "http://127.0.0.1:9/key",
    "file:///etc/hostname",
    "| sleep 5",
    "{{1337*7919}}",
    "\0",
    "static/app.css",
)
EXTRAS: tuple[dict[str, Any], ...] = (
    {"jwk": {"kty": "oct", "k": "c2VjcmV0"}},
    {"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}},
    {"jku": "http://127.0.0.1:9/jwks.json"},
    {"x5u": "http://127.0.0.1:9/cert.pem"},
    {"x5c": ["MIIB"]},
    {"crit": ["exp"], "exp": 1},
    {"crit": ["unknown"], "unknown": True},
    {"crit": []},
    {"crit": ["b64"], "b64": False},
    {"zip": "DEF"},
    {"cty": "JWT"},
    {"typ": "JWE"},
    *({"kid": kid} for kid in KIDS),
)
ALGORITHMS: tuple[Any, ...] = (
    "none",
    "None",
    "NONE",
    "nOnE",
    "",
    "RS256",
    "ES256",
    "PS256",
    "EdDSA",
    "HS384",
    "HS512",
    "HS1",
    None,
    7,
    [],
)


def _part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: Any, claims: Any, key: bytes, digest: str = "sha256") -> str:
    told = f"{_part(header)}.{_part(claims)}"
    return f"{told}.{_part(hmac.new(key, told.encode(), digest).digest())}"


def claims_of(token: str) -> dict[str, Any]:
    middle = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))


def forged(keys: dict[str, Any], rng: random.Random, now: int) -> Iterator[tuple[str, str]]:
    """(trick, token), beginning with the claims of a session that is alive, and where it helps with our own key."""
    mine, key = keys["admin"], keys["secret_key"].encode()
    claims = claims_of(mine)
    plain = {"alg": "HS256", "typ": "JWT"}
    front, middle, back = mine.split(".")
    for alg in ALGORITHMS:
        header = {"alg": alg, "typ": "JWT"}
        yield f"alg {alg}", f"{_part(header)}.{middle}."
        yield f"alg {alg}, the old signature", f"{_part(header)}.{middle}.{back}"
        yield f"alg {alg}, our key", signed(header, claims, key)
    yield "HS384 with our key", signed({**plain, "alg": "HS384"}, claims, key, "sha384")
    yield "HS512 with our key", signed({**plain, "alg": "HS512"}, claims, key, "sha512")
    for guess in (*GUESSES, hashlib.md5(key).digest(), *(rng.randbytes(32) for _ in range(4))):
        yield f"key {guess[:12]!r}", signed(plain, claims, guess)
    for extra in EXTRAS:
        yield f"{extra}, a key of one's own", signed({**plain, **extra}, claims, b"secret")
        yield f"{extra}, our key", signed({**plain, **extra}, claims, key)
    changes: dict[str, Any] = {
        "expired": {"exp": now - 1},
        "expired long ago": {"exp": 0},
        "expires never": {"exp": None},
        "expires in words": {"exp": "tomorrow"},
        "expires at infinity": {"exp": 10**400},
        "not yet": {"nbf": now + 3600},
        "made tomorrow": {"iat": now + 86_400},
        "for others": {"aud": "another"},
        "for us and others": {"aud": ["factory", "another"]},
        "by others": {"iss": "https://example.com"},
        "another kind": {"token_type": "access"},
        "no kind": {"token_type": None},
        "nobody's id": {"jti": "0" * 32},
        "an id in SQL": {"jti": "' OR 1=1 -- "},
        "an id of another shape": {"jti": {"$ne": None}},
        "a list of ids": {"jti": [claims["jti"]]},
        "no id": {"jti": None},
        "a NUL": {"jti": "\0"},
        "an enormous id": {"jti": "x" * 10_000},
    }
    for name, change in changes.items():
        yield f"{name}, our key", signed(plain, {**claims, **change}, key)
        yield f"{name}, without a key", signed(plain, {**claims, **change}, b"secret")
    for name, token in {
        "no signature": f"{front}.{middle}.",
        "no claims": f"{front}..{back}",
        "no header": f".{middle}.{back}",
        "dots": "..",
        "a signature cut short": mine[:-1],
        "a signature too long": f"{mine}A",
        "oversized": f"{front}.{'A' * 15_000}.{back}",
        "claims that are a list": signed(plain, [claims], key),
        "claims that are no JSON": signed(plain, b"{", key),
        "deep claims": signed(plain, b"[" * 5000, key),
        "a header that is a list": signed([plain], claims, key),
        "deep header": signed(b"[" * 5000, claims, key),
        "a header that says it twice": signed(b'{"alg":"none","alg":"HS256"}', claims, key),
        "no UTF-8": signed(plain, b"\xff\xfe", key),
        "not base64": f"{front}.{middle}!.{back}",
        "padding": f"{front}=.{middle}=.{back}=",
    }.items():
        yield name, token
    api = keys.get("api_token", "fat_" + "x" * 43)
    for name, token in {
        "half of an API token": api[:24],
        "an API token and more": f"{api}A",
        "an API token in capitals": api.upper(),
        "an API token without its beginning": api.removeprefix("fat_"),
        "only the beginning of one": "fat_",
        "SQL for an API token": "fat_' OR 1=1 -- ",
        "a pattern for an API token": "fat_" + "%" * 43,
        "the digest of an API token": "fat_" + hashlib.sha256(api.encode()).hexdigest(),
        "an enormous API token": "fat_" + "x" * 10_000,
        ALIVE: api,
    }.items():
        yield name, token
    for _ in range(40):
        place = rng.randrange(len(mine) - len(back), len(mine) - 1)
        wrong = "A" if mine[place] != "A" else "B"
        yield f"character {place} changed", f"{mine[:place]}{wrong}{mine[place + 1 :]}"


ALIVE = "an API token for what only sessions may"


def _refusals(name: str) -> tuple[int, ...]:
    return (403,) if name == ALIVE else (401,)


def asks(keys: dict[str, Any], rng: random.Random, count: int, *, now: int) -> list[Ask]:
    made: dict[str, Ask] = {}
    for name, token in forged(keys, rng, now):
        as_cookie = len(made) % 3 == 2 and "\0" not in token and name != ALIVE
        header = ("Cookie", f"app_session_id={token}") if as_cookie else ("Authorization", f"Bearer {token}")
        made.setdefault(
            token, Ask(f"JWT: {name}", ASKED, headers=(header,), status=_refusals(name), text=name)
        )
    found = list(made.values())
    rng.shuffle(found)
    return found[:count]
