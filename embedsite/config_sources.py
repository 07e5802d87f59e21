"""Reads the configuration from its sources, by priority, and remembers where each came from."""

import argparse
import contextlib
import difflib
import os
import secrets
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import (
    EnvSettingsSource,
    SecretsSettingsSource,
    TomlConfigSettingsSource,
)

from embedsite.config import CUSTOMARY_NAMES, MIN_SECRET_KEY, Config, ConfigError

PREFIX = "EMBED_"
# Options that the file and the folder of the other sources cannot set: they name them.
LOCATORS = ("config_file", "secrets_dir")
# Lists of objects, whose faults are told at their place in the list.
DECLARATIONS = ("models", "jwt_issuers")


@dataclass(frozen=True)
class Loaded:
    """A valid configuration with the origin of each field, such as `environment` or `default`."""

    config: Config
    origins: Mapping[str, str]


def variable(name: str) -> str:
    """The environment variable of a field."""
    return CUSTOMARY_NAMES.get(name, PREFIX + name.upper())


def flag(name: str) -> str:
    """The command-line flag of a field."""
    return "--" + name.replace("_", "-")


def flagged_fields() -> list[str]:
    """Fields that `serve` takes as flags: all but the secrets, which `ps` would show."""
    secret = {
        "secret_key",
        "token_pepper",
        "token_pepper_previous",
        "database_url",
        "redis_url",
        "webhook_secret",
        *DECLARATIONS,
    }
    return [name for name in Config.model_fields if name not in secret]


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Give the parser one flag for each field; a flag that is not given leaves no trace."""
    for name in flagged_fields():
        field = Config.model_fields[name]
        action = argparse.BooleanOptionalAction if field.annotation is bool else "store"
        parser.add_argument(
            flag(name),
            dest=name,
            action=action,
            default=argparse.SUPPRESS,
            help=(field.description or "").replace("%", "%%"),
        )


def load(*, argv: Sequence[str] = ()) -> Loaded:
    """The configuration from flags, environment, secret files, TOML and defaults, in that order.

    Raises ConfigError naming every unknown or invalid option.
    """
    check_variables(os.environ)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}

    def take(source: Mapping[str, Any], origin: str) -> None:
        for key, value in source.items():
            name = field_name(key)
            if name not in values:
                values[name] = value
                origins[name] = origin

    take(flag_values(argv), "command line")
    take(EnvSettingsSource(Config)(), "environment")
    if folder := values.get("secrets_dir"):
        take(secret_values(Path(folder)), f"secret file in {folder}")
    if file := values.get("config_file"):
        take(toml_values(Path(file)), str(file))
    if "secret_key" not in values and values.get("mode") != "production":
        path = (
            Path(values.get("data_dir") or Config.model_fields["data_dir"].default) / "secret_key"
        )
        take({"secret_key": development_key(path.expanduser())}, str(path))
    try:
        config = Config(**values)
    except ValidationError as error:
        raise ConfigError("\n".join(fault_lines(error, origins))) from None
    check_production(config)
    return Loaded(config, {name: origins.get(name, "default") for name in Config.model_fields})


def check_variables(environ: Mapping[str, str]) -> None:
    """Refuse `EMBED_…` names that are no option: a typing error would silently be a default."""
    known = [variable(name) for name in Config.model_fields]
    faults = [
        unknown(name, known)
        for name in sorted(environ)
        if name.upper().startswith(PREFIX) and name.upper() not in known
    ]
    if faults:
        raise ConfigError("\n".join(faults))


def unknown(name: str, known: Sequence[str], where: str = "") -> str:
    near = difflib.get_close_matches(name, known, n=1) or difflib.get_close_matches(
        name.upper(), known, n=1
    )
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"{name}: there is no such option{where}.{hint}"


def field_name(key: str) -> str:
    return next((name for name, alias in CUSTOMARY_NAMES.items() if alias == key), key)


def flag_values(argv: Sequence[str]) -> dict[str, Any]:
    """The options among the arguments of `serve`; other commands take none."""
    if list(argv[1:2]) != ["serve"]:
        return {}
    # Unknown or malformed flags are reported by the command's own parser.
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    add_flags(parser)
    try:
        return vars(parser.parse_known_args(list(argv[2:]))[0])
    except argparse.ArgumentError:
        return {}


def secret_values(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise ConfigError(f"EMBED_SECRETS_DIR: there is no folder {str(folder)!r}.")
    values = SecretsSettingsSource(Config, secrets_dir=folder)()
    return {key: value for key, value in values.items() if key not in LOCATORS}


def toml_values(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise ConfigError(f"EMBED_CONFIG_FILE: there is no file {str(file)!r}.")
    try:
        values = TomlConfigSettingsSource(Config, toml_file=file)()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"EMBED_CONFIG_FILE: {file} is not valid TOML: {error}.") from None
    known = [name for name in Config.model_fields if name not in LOCATORS]
    faults = [unknown(key, known, f" in {file}") for key in values if field_name(key) not in known]
    if faults:
        raise ConfigError("\n".join(faults))
    return values


def development_key(path: Path) -> str:
    """The key kept in the data folder; made by the first process that needs it.

    A link never replaces a file: of two processes starting together both read the first one's key.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            draft = path.with_name(f".secret_key.{os.getpid()}")
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_urlsafe(64))
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
            draft.unlink()
        return path.read_text().strip()
    except OSError as error:
        raise ConfigError(
            f"EMBED_DATA_DIR: cannot keep the secret key in {path}: {error}."
        ) from None


def fault_lines(error: ValidationError, origins: Mapping[str, str]) -> list[str]:
    """One line for each invalid value: its name where it was given, its rule, the value."""
    lines = []
    for fault in error.errors(include_url=False, include_context=False):
        name = field_name(str(fault["loc"][0])) if fault["loc"] else ""
        rule = fault["msg"].removeprefix("Value error, ")
        if not name:
            lines.append(f"{rule}.")
            continue
        origin = origins.get(name, "default")
        if name in DECLARATIONS:
            place = "".join(f"{part}: " for part in declared_place(fault["loc"][1:]))
            lines.append(f"{variable(name)}: {place}{rule} ({origin}).")
            continue
        label = flag(name) if origin == "command line" else variable(name)
        value = "**********" if is_secret(name) else repr(fault["input"])
        lines.append(f"{label}: {rule}, not {value} ({origin}).")
    return lines


def declared_place(loc: Sequence[str | int]) -> list[str]:
    """The entry, counted from 1, and its key. The value stays out: it may hold an API key."""
    return [f"entry {part + 1}" if isinstance(part, int) else part for part in loc[:2]]


def is_secret(name: str) -> bool:
    return "SecretStr" in str(Config.model_fields[name].annotation)


def check_production(config: Config) -> None:
    """Refuse what is only safe on a developer's machine. Raises ConfigError."""
    if config.mode != "production":
        return
    faults = []
    if config.debug:
        faults.append("EMBED_DEBUG: must be false in production, not True.")
    if len(config.secret_key.get_secret_value()) < MIN_SECRET_KEY:
        faults.append(
            f"EMBED_SECRET_KEY: must be set to at least {MIN_SECRET_KEY} characters in production."
            ' Make one with: python3 -c "import secrets; print(secrets.token_urlsafe(64))"'
        )
    if not config.allowed_hosts or any(map(is_wildcard, config.allowed_hosts)):
        faults.append(
            "EMBED_ALLOWED_HOSTS: must name the hosts in production, without wildcards,"
            f" not {','.join(config.allowed_hosts)!r}."
        )
    if faults:
        raise ConfigError("\n".join(faults))


def is_wildcard(host: str) -> bool:
    """Django takes a leading dot for "and every sub-domain"."""
    return "*" in host or host.startswith(".")
