"""Describes the options for people: effective values with their origins, and the README's table."""

import types
from collections.abc import Mapping
from inspect import get_annotations
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from accounts.issuer import Issuer
from embeddings.types.model import ModelDeclaration
from embedsite.config import BASE_DIR, Config
from embedsite.config_live import live_names
from embedsite.config_sources import Loaded, variable

MASK = "**********"


def effective(loaded: Loaded) -> list[dict[str, Any]]:
    """One entry for each option: variable, value (secrets masked) and origin."""
    return [
        {
            "variable": variable(name),
            "value": shown(getattr(loaded.config, name)),
            "origin": loaded.origins[name],
        }
        for name in names()
    ]


def with_live(loaded: Loaded, live: Mapping[str, Any]) -> Loaded:
    """As `loaded`, with what is set live over it."""
    config = loaded.config.model_copy(update=dict(live))
    return Loaded(config, {**loaded.origins, **dict.fromkeys(live, "live")})


def names() -> list[str]:
    """Of the options; those that have files of their own, which pydantic puts first, last."""
    own = get_annotations(Config)
    return sorted(Config.model_fields, key=lambda name: name not in own)


def shown(value: Any) -> Any:
    """The value as JSON can hold it, without what must stay secret."""
    if isinstance(value, SecretStr):
        return masked(value.get_secret_value())
    if isinstance(value, list):
        return [shown(item) for item in value]
    if isinstance(value, ModelDeclaration):
        return model_shown(value)
    if isinstance(value, Issuer):
        return value.model_dump(mode="json", exclude_unset=True)
    return str(value) if isinstance(value, Path) else value


def model_shown(model: ModelDeclaration) -> dict[str, Any]:
    """What was said of the model; its URL may hold a password."""
    said = model.model_dump(mode="json", exclude_unset=True)
    return said | ({"url": masked(model.url)} if model.url else {})


def masked(secret: str) -> str:
    """A URL keeps all but its password; anything else shows nothing."""
    if "://" not in secret:
        return MASK
    parts = urlsplit(secret)
    account, at, place = parts.netloc.rpartition("@")
    name, colon, _ = account.partition(":")
    netloc = name + (f":{MASK}" if colon else "") + at + place
    # The query can hold a password too.
    return urlunsplit((parts.scheme, netloc, parts.path, MASK if parts.query else "", ""))


def markdown() -> str:
    """The README's table of options, one line each."""
    lines = ["| variable | default | values | meaning |", "|---|---|---|---|"]
    live = live_names()
    for name in names():
        field = Config.model_fields[name]
        meaning = (field.description or "") + (" *Live.*" if name in live else "")
        cells = (f"`{variable(name)}`", default(field), values(field), meaning)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def default(field: FieldInfo) -> str:
    value = field.default
    if value is None or isinstance(value, SecretStr) or value == []:
        return ""
    if isinstance(value, Path):
        value = value.relative_to(BASE_DIR)
    if isinstance(value, bool):
        value = str(value).lower()
    return f"`{','.join(map(str, value)) if isinstance(value, list) else value}`"


def values(field: FieldInfo) -> str:
    """What an option may be: its choices, its bounds or its type."""
    kind = without_none(field.annotation)
    if get_origin(kind) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(kind))
    if kind in (int, float):
        return bounds(field)
    if kind is bool:
        return "`true`, `false`"
    if kind in (list[ModelDeclaration], list[Issuer]):
        return "JSON"
    lists = {list[str]: "list", list[int]: "list", list[Path]: "paths"}
    return {Path: "path", **lists}.get(kind, "text")


def bounds(field: FieldInfo) -> str:
    low = next((item.ge for item in field.metadata if hasattr(item, "ge")), None)
    high = next((item.le for item in field.metadata if hasattr(item, "le")), None)
    return f"{low} and more" if high is None else f"{low} to {high}"


def without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, types.UnionType):
        return next(kind for kind in get_args(annotation) if kind is not type(None))
    return annotation
