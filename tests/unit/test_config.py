"""Where options come from, which of them wins, and what is refused."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from embedsite.config import Config, ConfigError
from embedsite.config_sources import Loaded, flag, flagged_fields, load
from embedsite.options import effective, markdown

KEY = "k" * 50


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [*os.environ]:
        if name.startswith("EMBED_") or name in ("DATABASE_URL", "REDIS_URL"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("EMBED_DATA_DIR", str(tmp_path / "data"))


def serve(*flags: str) -> Loaded:
    return load(argv=["manage.py", "serve", *flags])


def refused(*flags: str) -> str:
    with pytest.raises(ConfigError) as error_info:
        serve(*flags)
    return str(error_info.value)


def test_priority_is_flag_environment_secret_file_then_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secrets, toml = tmp_path / "secrets", tmp_path / "embed.toml"
    secrets.mkdir()
    (secrets / "embed_port").write_text("3\n")
    toml.write_text('port = 4\nhost = "::1"\nallowed_hosts = ["a", "b"]')

    assert (serve().config.port, serve().origins["port"]) == (8000, "default")
    monkeypatch.setenv("EMBED_CONFIG_FILE", str(toml))
    assert (serve().config.port, serve().origins["port"]) == (4, str(toml))
    monkeypatch.setenv("EMBED_SECRETS_DIR", str(secrets))
    assert (serve().config.port, serve().origins["port"]) == (3, f"secret file in {secrets}")
    monkeypatch.setenv("EMBED_PORT", "2")
    assert (serve().config.port, serve().origins["port"]) == (2, "environment")
    found = serve("--port", "1", "--demo")
    assert (found.config.port, found.origins["port"]) == (1, "command line")
    assert (found.config.host, found.config.allowed_hosts) == ("::1", ["a", "b"])


def test_flags_are_for_serve_alone() -> None:
    assert load(argv=["manage.py", "reindex", "--port", "1"]).config.port == 8000


def test_malformed_flags_are_left_to_the_command() -> None:
    assert serve("--port").origins["port"] == "default"


def test_no_secret_is_a_flag() -> None:
    flags = {flag(name) for name in flagged_fields()}

    assert "--data-dir" in flags
    assert not flags & {
        "--secret-key",
        "--token-pepper",
        "--database-url",
        "--redis-url",
        "--models",
    }


def test_customary_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@h/n")
    monkeypatch.setenv("REDIS_URL", "")

    config = serve().config

    assert config.database_url
    assert config.database_url.get_secret_value() == "postgresql://u:p@h/n"
    assert config.redis_url is None


def test_lists_are_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBED_ALLOWED_HOSTS", "a.example, b.example,")

    assert serve().config.allowed_hosts == ["a.example", "b.example"]


def test_unknown_variable_is_refused_with_the_nearest_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EMBED_PROT", "1")
    monkeypatch.setenv("EMBED_DATABASE_URL", "x")

    message = refused()

    assert "EMBED_PROT: there is no such option. Did you mean EMBED_PORT?" in message
    assert "EMBED_DATABASE_URL: there is no such option. Did you mean DATABASE_URL?" in message


def test_unknown_toml_key_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "embed.toml"
    monkeypatch.setenv("EMBED_CONFIG_FILE", str(file))
    file.write_text("threds = 1")
    assert refused() == f"threds: there is no such option in {file}. Did you mean threads?"

    file.write_text("threads = ")
    assert f"EMBED_CONFIG_FILE: {file} is not valid TOML" in refused()

    file.unlink()
    assert refused() == f"EMBED_CONFIG_FILE: there is no file '{file}'."


def test_missing_secrets_folder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBED_SECRETS_DIR", "/nowhere")

    assert refused() == "EMBED_SECRETS_DIR: there is no folder '/nowhere'."


def test_every_invalid_value_is_named_with_its_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBED_PORT", "70000")
    monkeypatch.setenv("EMBED_DEVICE", "tpu")

    assert refused("--threads", "none").splitlines() == [
        "EMBED_PORT: Input should be less than or equal to 65535, not '70000' (environment).",
        (
            "--threads: Input should be a valid integer, unable to parse string as an integer,"
            " not 'none' (command line)."
        ),
        "EMBED_DEVICE: Input should be 'auto', 'cpu' or 'cuda', not 'tpu' (environment).",
    ]


def test_models_are_declared_as_json_or_toml(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "embed.toml"
    file.write_text('[[models]]\nname = "a"\nfolder = "/models/a"\nmatryoshka = [128, 64]')
    monkeypatch.setenv("EMBED_CONFIG_FILE", str(file))
    [model] = serve().config.models
    assert (model.name, model.folder, model.matryoshka) == ("a", Path("/models/a"), (128, 64))

    monkeypatch.setenv("EMBED_MODELS", '[{"name": "b", "wheel": "some_wheel"}]')
    assert [model.name for model in serve().config.models] == ["b"]


REMOTE = {"name": "r", "provider": "remote", "url": "https://host/v1"}
A, B = "a" * 64, "b" * 64


@pytest.mark.parametrize(
    ("models", "rule"),
    [
        ("{not json", "should be a JSON list of objects: Expecting property name"),
        ([REMOTE, {"name": "x/y"}], "entry 2: name: String should match pattern"),
        ([REMOTE | {"apikey": "hidden"}], "entry 1: apikey: Extra inputs are not permitted"),
        ([REMOTE | {"url": "hidden"}], "entry 1: url: String should match pattern"),
        ([REMOTE | {"matryoshka": [0]}], "entry 1: matryoshka: Input should be greater than"),
        ([REMOTE | {"folder": "/m"}], "entry 1: a remote model has a url and neither folder"),
        ([{"name": "l"}], "entry 1: a local model has exactly one of folder, wheel and hub"),
        ([{"name": "l", "hub": "a/b"}], "entry 1: a model from the hub needs its revision"),
        ([REMOTE, REMOTE], "entry 2: the name 'r' is taken"),
        ([REMOTE | {"fallback": "s"}], "entry 1: the fallback 's' is not declared"),
        ([REMOTE | {"fallback": "r"}], "entry 1: the fallback 'r' leads back to itself"),
        (
            [REMOTE | {"fallback": "s"}, REMOTE | {"name": "s", "fallback": "r"}],
            "entry 1: the fallback 's' leads back to itself",
        ),
        (
            [REMOTE | {"fallback": "s"}, REMOTE | {"name": "s", "kind": "reranker"}],
            "entry 1: the fallback 's' is of kind 'reranker'",
        ),
        (
            [
                REMOTE | {"fallback": "s", "fingerprint": A},
                REMOTE | {"name": "s", "fingerprint": B},
            ],
            "entry 1: the fallback 's' has another fingerprint",
        ),
    ],
)
def test_a_faulty_declaration_is_named_with_its_rule_but_without_values(
    monkeypatch: pytest.MonkeyPatch, models: Any, rule: str
) -> None:
    if not isinstance(models, str):
        models = json.dumps([model | {"api_key": "hidden"} for model in models])
    monkeypatch.setenv("EMBED_MODELS", models)

    message = refused()

    assert message.startswith(f"EMBED_MODELS: {rule}")
    assert message.endswith("(environment).")
    assert "hidden" not in message


def test_a_fallback_may_state_the_same_fingerprint_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for stated in (A, None):
        second = REMOTE | {"name": "s", "fingerprint": stated}
        models = [REMOTE | {"fallback": "s", "fingerprint": A}, second]
        monkeypatch.setenv("EMBED_MODELS", json.dumps(models))

        assert len(serve().config.models) == 2


def test_pool_sizes_must_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBED_DATABASE_POOL_MIN", "11")

    assert refused() == "EMBED_DATABASE_POOL_MIN must not exceed EMBED_DATABASE_POOL_SIZE."


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("EMBED_DEBUG", "true", "EMBED_DEBUG: must be false in production"),
        ("EMBED_SECRET_KEY", "s" * 49, "EMBED_SECRET_KEY: must be set to at least 50 characters"),
        ("EMBED_SECRET_KEY", "", "EMBED_SECRET_KEY: must be set to at least 50 characters"),
        ("EMBED_ALLOWED_HOSTS", "*", "EMBED_ALLOWED_HOSTS: must name the hosts in production"),
        ("EMBED_ALLOWED_HOSTS", "a,*.b", "EMBED_ALLOWED_HOSTS: must name the hosts"),
        ("EMBED_ALLOWED_HOSTS", ".b", "EMBED_ALLOWED_HOSTS: must name the hosts"),
        ("EMBED_ALLOWED_HOSTS", ",", "EMBED_ALLOWED_HOSTS: must name the hosts"),
    ],
)
def test_production_refuses_what_is_unsafe(
    name: str, value: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBED_MODE", "production")
    monkeypatch.setenv("EMBED_SECRET_KEY", KEY)
    monkeypatch.setenv("EMBED_ALLOWED_HOSTS", "embed.example")
    assert serve().config.mode == "production"

    monkeypatch.setenv(name, value)

    message = refused()
    assert message.startswith(rule)
    assert "s" * 49 not in message


def test_production_makes_no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EMBED_MODE", "production")

    refused()

    assert not (tmp_path / "data").exists()


def test_development_key_is_made_once_and_private(tmp_path: Path) -> None:
    first, second = serve(), serve()

    path = tmp_path / "data" / "secret_key"
    assert first.config.secret_key == second.config.secret_key
    assert len(first.config.secret_key.get_secret_value()) >= 50
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first.origins["secret_key"] == str(path)
    assert [entry.name for entry in path.parent.iterdir()] == ["secret_key"]


def test_folder_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBED_DATA_DIR", "/dev/null/data")

    assert refused().startswith("EMBED_DATA_DIR: cannot keep the secret key in /dev/null/data")


@pytest.mark.parametrize("url", ["redis://h", "rediss://:p@h:1/2", "unix:///run/redis?db=1"])
def test_urls_of_redis_are_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("REDIS_URL", url)

    redis_url = serve().config.redis_url

    assert redis_url is not None
    assert redis_url.get_secret_value() == url


@pytest.mark.parametrize(
    "url", ["hidden:6379", "http://hidden", "redis://", "redis://h:hidden", "unix://"]
)
def test_other_urls_of_redis_are_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("REDIS_URL", url)

    fault = refused()

    assert fault.startswith("REDIS_URL: ")
    assert "hidden" not in fault


def test_secrets_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://joe:hidden@h:1/n?password=hidden")
    monkeypatch.setenv("REDIS_URL", "redis://:hidden@h")
    monkeypatch.setenv("EMBED_SECRET_KEY", "hidden" * 10)
    monkeypatch.setenv("EMBED_TOKEN_PEPPER", "hidden")

    model = REMOTE | {"api_key": "hidden", "url": "https://joe:hidden@host/v1?key=hidden"}
    monkeypatch.setenv("EMBED_MODELS", json.dumps([model]))

    entries = {entry["variable"]: entry for entry in effective(serve())}

    assert "hidden" not in repr(entries)
    assert entries["EMBED_MODELS"]["value"] == [
        REMOTE | {"api_key": "**********", "url": "https://joe:**********@host/v1?**********"}
    ]
    assert entries["DATABASE_URL"]["value"].startswith("postgresql://joe:**********@h:1/n?")
    assert entries["EMBED_SECRET_KEY"]["origin"] == "environment"


def test_every_option_says_what_it_is_for() -> None:
    table = markdown()

    assert len(table.splitlines()) == 2 + len(Config.model_fields)
    assert all(len(field.description or "") > 10 for field in Config.model_fields.values())
    assert "| `EMBED_PORT` | `8000` | 1 to 65535 |" in table
    assert "/" not in next(line for line in table.splitlines() if "EMBED_DATA_DIR" in line)
