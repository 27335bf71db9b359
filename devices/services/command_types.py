"""Which commands there are, and what they may be given."""

import re
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext

from devices.command_schema import Misfit, check, check_schema
from devices.models import CommandType
from devices.models.commands import COMMAND_NAME, NO_COMMAND_NAME, USUAL_TTL_SECONDS
from factory.errors import InvalidInput, NotFound
from factory.trpc.fields import DEEPEST, NO_JSON, as_json, is_too_deep
from factory.trpc.serializers import wire_name

RESTART = "restart"  # every device is taken to know it
PARAMETERS_BYTES = 65_536
SCHEMA_BYTES = 32_768
CHANGEABLE = {"label", "description", "schema", "ttl_seconds", "enabled"}
TOLD = 20  # reasons at most, of one field


class CommandTypeUnknown(NotFound):
    """No such command is declared."""


class Vocabulary:
    """The declared commands with these names, asked for once, and what was found to fit."""

    def __init__(self, names: Iterable[str]) -> None:
        words = [name for name in names if isinstance(name, str)]
        found = CommandType.objects.filter(name__in=words)
        self._types = {(type_.name, type_.device_type): type_ for type_ in found}
        self._fitting: set[tuple[str, str, bytes]] = set()

    def find(self, name: str, device_type: str) -> CommandType | None:
        """What holds for devices of a type: their own entry, else that for any type."""
        return self._types.get((name, device_type)) or self._types.get((name, ""))

    def ttl(self, name: str, device_type: str) -> int:
        type_ = self.find(name, device_type)
        return type_.ttl_seconds if type_ else USUAL_TTL_SECONDS

    def check(self, name: Any, parameters: Any, device_type: str) -> None:
        if not isinstance(name, str) or not re.match(COMMAND_NAME, name):
            raise InvalidInput.at("name", gettext(NO_COMMAND_NAME))
        text = _as_text(parameters)
        if (name, device_type, text) in self._fitting:
            return
        self._check(name, parameters, device_type)
        self._fitting.add((name, device_type, text))

    def _check(self, name: str, parameters: dict[str, Any], device_type: str) -> None:
        type_ = self.find(name, device_type)
        if type_ is None:
            if settings.COMMANDS_DECLARED_ONLY and name != RESTART:
                raise InvalidInput.at(
                    "name",
                    gettext("no command %(name)s is declared for devices of type %(device_type)s")
                    % {"name": name, "device_type": device_type},
                )
            return
        if not type_.enabled:
            raise InvalidInput.at(
                "name",
                gettext("%(name)s is switched off for devices of type %(device_type)s")
                % {"name": name, "device_type": device_type},
            )
        try:
            check(parameters, type_.schema)
        except Misfit as misfit:
            raise InvalidInput.at(f"parameters{misfit.path}", misfit.reason) from None


def check_command(*, name: Any, parameters: Any, device_type: str) -> None:
    """Refuse a command that devices of this type do not know, or parameters that do not fit it."""
    Vocabulary([name]).check(name, parameters, device_type)


def _as_text(parameters: Any) -> bytes:
    if not isinstance(parameters, dict):
        raise InvalidInput.at("parameters", gettext("must be an object"))
    if is_too_deep(parameters):
        raise InvalidInput.at("parameters", gettext("may nest %(most)s levels deep") % {"most": DEEPEST})
    text = as_json(parameters, sort_keys=True)
    if text is None:
        raise InvalidInput.at("parameters", gettext(NO_JSON))
    if len(text) > PARAMETERS_BYTES:
        raise InvalidInput.at(
            "parameters", gettext("may be %(most)s bytes long") % {"most": PARAMETERS_BYTES}
        )
    return text


@transaction.atomic
def set_command_type(*, name: str, device_type: str = "", **changes: Any) -> CommandType:
    """Declare a command for devices of a type (or of any), or change it; what is left out stays as it is."""
    rows = CommandType.objects.select_for_update()
    type_ = rows.filter(name=name, device_type=device_type).first()
    type_ = type_ or CommandType(name=name, device_type=device_type)
    for field in changes.keys() & CHANGEABLE:
        setattr(type_, field, changes[field])
    if problems := why_unusable(type_):
        first = next(iter(problems))
        raise InvalidInput(f"{first}: {problems[first][0]}", fields=problems)
    values = {field: getattr(type_, field) for field in CHANGEABLE}
    type_, _ = CommandType.objects.update_or_create(name=name, device_type=device_type, defaults=values)
    return type_


def why_unusable(type_: CommandType) -> dict[str, list[str]]:
    """{wire name: reasons} for a declaration that cannot be kept."""
    problems: dict[str, list[str]] = {}
    try:
        type_.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as refusal:
        problems = {wire_name(field): told[:TOLD] for field, told in refusal.message_dict.items()}
    try:
        if not isinstance(type_.schema, dict):
            raise Misfit("", gettext("must be an object"))
        if is_too_deep(type_.schema):
            raise Misfit("", gettext("may nest %(most)s levels deep") % {"most": DEEPEST})
        if (text := as_json(type_.schema)) is None:
            raise Misfit("", gettext(NO_JSON))
        if len(text) > SCHEMA_BYTES:
            raise Misfit("", gettext("may be %(most)s bytes long") % {"most": SCHEMA_BYTES})
        check_schema(type_.schema)
    except Misfit as misfit:
        problems[f"schema{misfit.path}"] = [misfit.reason]
    return problems


def delete_command_type(*, name: str, device_type: str = "") -> None:
    """Forget a declaration; commands that were sent by it go their way."""
    if not CommandType.objects.filter(name=name, device_type=device_type).delete()[0]:
        raise CommandTypeUnknown(
            gettext("No command %(name)s is declared for %(device_type)s.")
            % {"name": name, "device_type": device_type or gettext("any type")}
        )
