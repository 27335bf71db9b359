"""docs/roles.md, written from the table; the tests hold the table against the code, and the page against the table."""

from collections.abc import Iterable

from factory.urls import registry
from tests.roles.table import (
    CHANNELS,
    DEVICE,
    DEVICES_ONLY,
    DOWNLOADS,
    IN_PERSON,
    LEAST_RANK,
    MODELS,
    PAGES,
    PUBLIC,
    ROLES,
    SAID_BY_DEVICES,
    TOPICS,
    UNNAMED,
)

HEAD = """# Who may do what

Five ranks of people, each may do what the ones before it may: stranger, user (viewer), operator, technician, admin. A
device is none of them: its token opens what is its own, and another device's id is answered 403.

One rule decides about people, `User.has_rank_of`. Each door says which rank it wants where it is declared: a
procedure by `permission=`, a page by `@for_people`, a channel by `allows=`; the admin asks for the highest. One
function decides about MQTT, `may` of `devices/mqtt_rights.py`, and Mosquitto's file is made from it.

The expected answers stand in `tests/roles/table.py`, apart from the code. The tests beside it ask every door as
everybody and fail where the table has no line for a procedure, page, download, channel, topic or model of the
admin: give it one, then `python -m tests.roles` writes this page anew.
"""


def document() -> str:
    return "\n".join([HEAD, *_procedures(), *_pages(), *_downloads(), *_listening(), *_topics(), *_models()])


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "none"


def _rows(by_role: dict[str, set[str]]) -> list[str]:
    return [f"| {role} | {_listed(by_role.get(role, ()))} |" for role in ROLES if by_role.get(role)]


def _procedures() -> list[str]:
    above = set().union(*LEAST_RANK.values()) | PUBLIC | DEVICES_ONLY
    viewers = {each.path for each in registry if each.path not in above}
    by_role = {"stranger": PUBLIC, "user": viewers, **LEAST_RANK}
    return [
        "## Procedures\n\n| From | May call |\n| --- | --- |",
        *_rows(by_role),
        f"| device, its own | {_listed(DEVICE)} |\n",
        *_tokens(),
    ]


def _tokens() -> list[str]:
    """Which mutations of these roles a scope covers follows from the table; the rules are told in words."""
    return [
        "An API token ([integrators.md](integrators.md)) does what its owner may at the moment, within its scope:",
        "`read` covers queries and subscriptions, `operate` also mutations for operators and below, `full` all.",
        f"Only people who have signed in may call {_listed(IN_PERSON)}; and tokens open no page and not the admin.\n",
    ]


def _pages() -> list[str]:
    return [
        "## Pages\n\nBy the name of their address. Some show more, and take more, from higher ranks.\n",
        "| From | May open and use |\n| --- | --- |",
        *_rows(PAGES),
        "\nAddresses without a name:\n\n| Address | Open to |\n| --- | --- |",
        *(f"| `/{route}` | {who} |" for route, who in sorted(UNNAMED.items())),
        "",
    ]


def _downloads() -> list[str]:
    by_role = {role: {name for name, least in DOWNLOADS.items() if least == role} for role in ROLES}
    return [
        "## Downloads\n\n`firmware-file` also goes to the device it is deployed to and by a signed link, `report-file`",
        "by the link that was sent.\n\n| From | May download |\n| --- | --- |",
        *_rows(by_role),
        "",
    ]


def _listening() -> list[str]:
    by_role = {role: {name for name, least in CHANNELS.items() if least == role} for role in ROLES}
    by_role["user"] = by_role["user"] | {each.path for each in registry if each.kind == "subscription"}
    return [
        "## Channels of `/ws` and subscriptions\n\n| From | May listen to |\n| --- | --- |",
        *_rows(by_role),
        f"\nA device listens to none of them; it is told what is meant for it, and says {_listed(SAID_BY_DEVICES)}.\n",
    ]


def _topics() -> list[str]:
    return [
        "## MQTT\n\nBelow `factory/<d>/`, for the device `<d>` and our own account, nobody else.\n",
        "| Topic | The device may |\n| --- | --- |",
        *(
            f"| `{name}` | {'publish and subscribe' if way == 'publish' else 'subscribe'} |"
            for name, way in TOPICS.items()
        ),
        "",
    ]


def _models() -> list[str]:
    return [
        "## Admin\n\nFor admins only.\n\n| Model | Beside looking | Actions |\n| --- | --- | --- |",
        *(
            f"| `{name}` | {may.replace(' ', ', ') or '-'} | {actions.replace(' ', ', ') or '-'} |"
            for name, (may, actions) in sorted(MODELS.items())
        ),
        "",
    ]
