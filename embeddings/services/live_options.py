"""Which options may change without a restart, and what each may be."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from pydantic import BaseModel, ValidationError

from embeddings.exceptions import InvalidRequest

ALL = "*"


def kind_of(name: str) -> type[BaseModel] | None:
    """The group that the option is in, which has its rules; None for one that can't change live."""
    groups: Mapping[str, type[BaseModel]] = settings.LIVE_OPTIONS
    return next((group for group in groups.values() if name in group.model_fields), None)


def is_locked(name: str) -> bool:
    """Whether the configuration keeps the option from changing."""
    locked = settings.LOADED.config.live_locked
    return name in locked or ALL in locked or settings.LOADED.origins[name] == "command line"


def parse_option(*, name: str, value: object) -> Any:
    """The value as the option has it, of a text too. Raises InvalidRequest, whose `param` is the
    option.
    """
    group = kind_of(name)
    if group is None:
        raise InvalidRequest(param=name, detail="There is no option of that name to change live.")
    try:
        return getattr(group.model_validate({name: value}), name)
    except ValidationError as error:
        rule = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise InvalidRequest(param=name, detail=f"{rule}.") from None


def usable_options(stored: object) -> tuple[dict[str, Any], dict[str, str]]:
    """Of what is set, the values that count, and why the others don't, both by name."""
    if not isinstance(stored, dict):
        return {}, {ALL: "What is set is no JSON object."}
    values: dict[str, Any] = {}
    refused: dict[str, str] = {}
    for name, value in stored.items():
        if kind_of(name) is not None and is_locked(name):
            refused[name] = "The configuration locks it."
            continue
        try:
            values[name] = parse_option(name=name, value=value)
        except InvalidRequest as error:
            refused[name] = error.detail
    return values, refused
