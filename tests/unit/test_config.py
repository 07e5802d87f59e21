"""Where options come from, which of them wins, and what is refused."""

import json
import stat
from pathlib import Path

import pytest

from embedsite.config import Config, ConfigError
from embedsite.config_sources import Loaded, flag, flagged_fields, load
from embedsite.options import effective, markdown

KEY = "k" * 50


pytestmark = pytest.mark.usefixtures("bare_environment")


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
    monkeypatch.setenv("EMBED_LIVE_LOCKED", "log_level,foo")

    assert refused("--threads", "none").splitlines() == [
        (
            "EMBED_LIVE_LOCKED: must list only options that can change live, unlike foo,"
            " not 'log_level,foo' (environment)."
        ),
        "EMBED_PORT: Input should be less than or equal to 65535, not '70000' (environment).",
        (
            "--threads: Input should be a valid integer, unable to parse string as an integer,"
            " not 'none' (command line)."
        ),
        "EMBED_DEVICE: Input should be 'auto', 'cpu' or 'cuda', not 'tpu' (environment).",
    ]


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

    model = {"name": "r", "provider": "remote", "api_key": "hidden"}
    model["url"] = "https://joe:hidden@host/v1?key=hidden"
    monkeypatch.setenv("EMBED_MODELS", json.dumps([model]))

    entries = {entry["variable"]: entry for entry in effective(serve())}

    assert "hidden" not in repr(entries)
    assert entries["EMBED_MODELS"]["value"] == [
        model | {"api_key": "**********", "url": "https://joe:**********@host/v1?**********"}
    ]
    assert entries["DATABASE_URL"]["value"].startswith("postgresql://joe:**********@h:1/n?")
    assert entries["EMBED_SECRET_KEY"]["origin"] == "environment"


def test_every_option_says_what_it_is_for() -> None:
    table = markdown()

    assert len(table.splitlines()) == 2 + len(Config.model_fields)
    assert all(len(field.description or "") > 10 for field in Config.model_fields.values())
    assert "| `EMBED_PORT` | `8000` | 1 to 65535 |" in table
    assert "/" not in next(line for line in table.splitlines() if "EMBED_DATA_DIR" in line)
