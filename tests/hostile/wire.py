"""HTTP that is not quite HTTP, headers that pretend, and paths that want to be elsewhere."""

import random
from itertools import product
from typing import Any

from tests.hostile.asking import WAITED, Answer, Ask

ELSEWHERE = "evil.example"
NOT_HTTP = (400, 413)

PLACES = (
    *("/static/", "/words/", "/performance/", "/energy/", "/oee/", "/oee/codes/", "/wall/", "/wall/screens/"),
    *("/reports/1/file.", "/ack/", "/api/trpc/", "/api/v1/trpc/", "/api/firmware/", "/devices/imports/"),
    *("/admin/jsi18n/", "/health/", "/"),
)
WAYS_OUT = (
    *("../../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/%2e%2e/etc/passwd"),
    *("....//....//etc/passwd", "..%5c..%5cwindows%5cwin.ini", "%252e%252e%252fetc%252fpasswd"),
    *("..;/..;/etc/passwd", "%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd", "%00", "x%00.svg", "..\\..\\etc\\passwd"),
    *("file:///etc/passwd", "/etc/passwd", "/proc/self/environ", ".env", ".git/config", "db.sqlite3"),
    *(
        "%ff%fe",
        "%uff0e%uff0e/etc",
        "factory/settings.py",
        "~root/.ssh/id_rsa",
        "%0d%0aSet-Cookie:x=1",
        "x" * 3000,
    ),
)

_END = {"/wall/": "/", "/ack/": "/", "/oee/codes/": "/"}  # without it they are sent there first


def paths(keys: dict[str, Any], rng: random.Random, count: int) -> list[Ask]:
    cookie = ("Cookie", f"app_session_id={keys['admin']}")
    every = list(product(PLACES, WAYS_OUT))
    rng.shuffle(every)
    refused = (400, 404, 405)
    return [
        Ask(
            f"path {place}", f"{place}{way}{_END.get(place, '')}", headers=(cookie,), status=refused, text=way
        )
        for place, way in every[:count]
    ]


HOSTS = (
    *(
        ELSEWHERE,
        f"127.0.0.1.{ELSEWHERE}",
        f"{ELSEWHERE}:80",
        f"127.0.0.1@{ELSEWHERE}",
        f"{ELSEWHERE}#127.0.0.1",
    ),
    *(
        f"127.0.0.1,{ELSEWHERE}",
        f"127.0.0.1 {ELSEWHERE}",
        "[::1",
        "a_b",
        "..",
        "*",
        "%00",
        "127.0.0.1:x",
        "2130706433",
    ),
    *("<script>", "' OR 1=1 -- ", "{{7*7}}", "x" * 300, "0x7f.1"),
)
PAGES = ("/sign-in", "/api/trpc/system.health", "/api/trpc/auth.me", "/forgotten-password", "/api/schema")
FORWARDED = (
    "X-Forwarded-Host",
    "X-Forwarded-Server",
    "X-Host",
    "X-Original-URL",
    "X-Rewrite-URL",
    "Forwarded",
    "X-Forwarded-Prefix",
    "X-HTTP-Method-Override",
    "X-Forwarded-Proto",
    "X-Forwarded-For",
    "True-Client-IP",
)


def _unmoved(answer: Answer) -> str:
    """A header that is nobody's says nothing: no address and no redirect is made of it."""
    if ELSEWHERE in answer.text or any(ELSEWHERE in value for value in answer.headers.values()):
        return "the answer says what the header said"
    return ""


def headers(keys: dict[str, Any], rng: random.Random, count: int) -> list[Ask]:
    made = [*_hosts(), *_raw(rng), *_origins(keys), *_cookies(rng), *_forwarded()]
    rng.shuffle(made)
    return made[:count]


def _hosts() -> list[Ask]:
    return [
        Ask(f"Host on {path}", path, headers=(("Host", host),), status=(400,), text=host)
        for host, path in product(HOSTS, PAGES)
    ]


def _forwarded() -> list[Ask]:
    return [
        Ask(name, path, headers=((name, f"{ELSEWHERE}"),), inert=_unmoved, text=name)
        for name, path in product(FORWARDED, ("/sign-in", "/"))
    ]


def _origins(keys: dict[str, Any]) -> list[Ask]:
    origins = (
        "null",
        f"https://{ELSEWHERE}",
        f"http://127.0.0.1.{ELSEWHERE}",
        "http://127.0.0.1:1",
        "file://",
        "x",
    )
    calls = ("devices.create", "alerts.create", "groups.create", "auth.changePassword")
    cookie, json = ("Cookie", f"app_session_id={keys['admin']}"), ("Content-Type", "application/json")
    return [
        Ask(
            "Origin",
            f"/api/trpc/{call}",
            "POST",
            (cookie, json, ("Origin", origin)),
            b"{}",
            status=(403,),
            text=origin,
        )
        for origin, call in product(origins, calls)
    ]


def _cookies(rng: random.Random) -> list[Ask]:
    wrong = (
        "x",
        "a.b.c",
        "' OR 1=1 -- ",
        "{{7*7}}",
        "../../x",
        "%00",
        '"',
        "=",
        "x" * 4000,
        "é",
        "a=b",
        "null.null.null",
    )
    return [
        Ask(
            "Cookie",
            "/api/trpc/auth.sessions",
            headers=(("Cookie", f"app_session_id={each}"),),
            status=(401,),
            text=each,
        )
        for each in (*wrong, *(rng.randbytes(8).hex() for _ in range(8)))
    ]


def _raw(rng: random.Random) -> list[Ask]:
    """Not to be taken for one request, nor for two: what follows is never answered."""
    host = b"Host: 127.0.0.1\r\n"
    post = b"POST /api/trpc/system.health HTTP/1.1\r\n" + host
    second = b"GET /second HTTP/1.1\r\n" + host + b"\r\n"
    both = b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + second
    bodies: dict[str, bytes] = {
        "CL and TE": post + both,
        "TE and CL": post + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" + second,
        "two lengths": post + b"Content-Length: 0\r\nContent-Length: 60\r\n\r\n" + second,
        "TE twice": post
        + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"
        + second,
        "TE in two words": post + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + second,
    }
    for te in (
        b"xchunked",
        b"chunked\x0b",
        b"\x00chunked",
        b"gzip",
        b"identity, chunked",
        b"chunked\xff",
        b"chunked;q=1",
    ):
        bodies[f"TE {te!r}"] = post + b"Transfer-Encoding: " + te + b"\r\n\r\n0\r\n\r\n" + second
    for length in (
        b"-1",
        b"+0",
        b"0x0",
        b"0,0",
        b"1e1",
        b"",
        b"0 0",
        b"\xb2",
        b"99999999999999999999",
        b"zero",
        b"1_0",
        b"9" * 5000,
    ):
        bodies[f"CL {length[:24]!r}"] = post + b"Content-Length: " + length + b"\r\n\r\n" + second
    for chunk in (
        b"-1",
        b"0x5",
        b"+5",
        b"5 ",
        b"5\n",
        b"",
        b"zz",
        b"5_0",
        b"f" * 20,
        b"\xff",
        b"5;a\nb",
        b"5;" + b"x" * 70_000,
    ):
        bodies[f"chunk {chunk[:8]!r}"] = (
            post + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + b"\r\nAAAAA\r\n0\r\n\r\n" + second
        )
    heads = {
        "space before the colon": b"Content-Length : 0\r\n",
        "no colon": b"Nothing\r\n",
        "NUL": b"X: a\0b\r\n",
        "bare CR": b"X: a\rInjected: b\r\n",
        "no name": b": x\r\n",
        "name with a space": b"X Y: x\r\n",
        "name with a slash": b"X/Y: x\r\n",
        "name in Latin-1": b"X\xe9: x\r\n",
        "a giant one": b"X: " + b"a" * 70_000 + b"\r\n",
        "very many": b"".join(b"X-%d: a\r\n" % n for n in range(9000)),
    }
    for name, head in heads.items():
        bodies[name] = b"GET /sign-in HTTP/1.1\r\n" + host + head + b"\r\n" + second
    # Where it ends is beyond doubt, so another one may follow.
    bodies["two hosts"] = b"GET /sign-in HTTP/1.1\r\n" + host + b"Host: evil.example\r\n\r\n"
    for line in (
        *(
            b"GET",
            b"GET /",
            b"GET / HTTP/9.9",
            b"GET / HTTQ/1.1",
            b"GET  / HTTP/1.1",
            b"\0 / HTTP/1.1",
            b"/ GET HTTP/1.1",
        ),
        *(
            b"GET /sign-in\0 HTTP/1.1",
            b"G\xffT / HTTP/1.1",
            b"GET /" + b"a" * 70_000 + b" HTTP/1.1",
            b"GET / HTTP/1.1 x",
        ),
        *(b"\x16\x03\x01\x02\x00", b"PRI * HTTP/2.0", b"SSH-2.0-x", b"GET /a b HTTP/1.1"),
    ):
        bodies[f"line {line[:24]!r}"] = line + b"\r\n" + host + b"\r\n"
    bodies |= {
        f"noise {number}": rng.randbytes(40).replace(b"\n", b"").replace(b"\r", b"") + b"\r\n\r\n"
        for number in range(8)
    }
    return [
        Ask(f"raw: {name}", raw=raw, status=_refusals(name), text=name, inert=_alone)
        for name, raw in bodies.items()
    ]


def _refusals(name: str) -> tuple[int, ...]:
    """A piece that is longer than anything is waited for, as long as a request may take."""
    return (*NOT_HTTP, WAITED) if name == f"chunk {b'f' * 8!r}" else NOT_HTTP


def _alone(answer: Answer) -> str:
    return "a second request was answered" if answer.body.count(b"HTTP/1.1 ") > 1 else ""
