"""Django's settings as a process sees them: in production, and with a faulty configuration."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from embedsite.config import BASE_DIR

NAMES = [
    "DEBUG",
    "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_SECURE",
    "SECURE_HSTS_SECONDS",
    "SECURE_PROXY_SSL_HEADER",
    "X_FRAME_OPTIONS",
    "SECURE_CONTENT_TYPE_NOSNIFF",
    "ALLOWED_HOSTS",
    "CSRF_COOKIE_HTTPONLY",
    "SESSION_COOKIE_SAMESITE",
    "CORS_ALLOWED_ORIGINS",
]
SHOW = f"""
import json
from django.conf import settings
print(json.dumps({{name: getattr(settings, name) for name in {NAMES}}}))
"""
PRODUCTION = {
    "EMBED_MODE": "production",
    "EMBED_SECRET_KEY": "k" * 50,
    "EMBED_ALLOWED_HOSTS": "embed.example",
    "EMBED_CORS_ORIGINS": "https://app.example",
    "EMBED_BEHIND_TLS_PROXY": "true",
}


def run(
    *arguments: str, folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if "EMBED" not in name}
    inherited |= {"DJANGO_SETTINGS_MODULE": "embedsite.settings", "EMBED_DATA_DIR": str(folder)}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=BASE_DIR,
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_production_is_strict(tmp_path: Path) -> None:
    done = run("-c", SHOW, folder=tmp_path, environment=PRODUCTION)

    assert json.loads(done.stdout) == {
        "DEBUG": False,
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "SECURE_HSTS_SECONDS": 31_536_000,
        "SECURE_PROXY_SSL_HEADER": ["HTTP_X_FORWARDED_PROTO", "https"],
        "X_FRAME_OPTIONS": "DENY",
        "SECURE_CONTENT_TYPE_NOSNIFF": True,
        "ALLOWED_HOSTS": ["embed.example"],
        "CSRF_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "CORS_ALLOWED_ORIGINS": ["https://app.example"],
    }, done.stderr


def test_production_binds_its_cookies_to_the_host(tmp_path: Path) -> None:
    show = "from django.conf import settings as s; print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME)"

    done = run("-c", show, folder=tmp_path, environment=PRODUCTION)

    assert [name.startswith("__Host-") for name in done.stdout.split()] == [True, True]


def test_pages_elsewhere_are_let_in_by_middleware_that_is_else_not_there(tmp_path: Path) -> None:
    show = "from django.conf import settings as s; print('corsheaders' in str(s.MIDDLEWARE))"

    done = run("-c", show, folder=tmp_path, environment=PRODUCTION)
    none = run("-c", show, folder=tmp_path, environment={})

    assert (done.stdout.strip(), none.stdout.strip()) == ("True", "False")


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"EMBED_CORS_ORIGINS": "*"}, "EMBED_CORS_ORIGINS: must be origins such as https://"),
        ({"EMBED_PORT": "0"}, "EMBED_PORT: Input should be greater than or equal to 1, not '0'"),
        ({"EMBED_MODE": "production"}, "EMBED_SECRET_KEY: must be set to at least 50"),
        ({"DATABASE_URL": "mysql://h/n"}, "DATABASE_URL: must be postgresql://"),
        ({"EMBED_POTR": "1"}, "EMBED_POTR: there is no such option. Did you mean EMBED_PORT?"),
    ],
)
def test_faulty_configuration_is_one_message_and_status_2(
    environment: dict[str, str], message: str, tmp_path: Path
) -> None:
    done = run("manage.py", "config", folder=tmp_path, environment=environment)

    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_missing_migrations_are_found_without_a_database(tmp_path: Path) -> None:
    done = run(
        "manage.py", "makemigrations", "--check", "--dry-run", folder=tmp_path, environment={}
    )

    assert (done.returncode, done.stdout) == (0, "No changes detected\n"), done.stderr
    assert done.stderr == ""
    assert not (tmp_path / "postgres").exists()


def test_config_prints_values_and_origins(tmp_path: Path) -> None:
    done = run("manage.py", "config", "--json", folder=tmp_path, environment={"EMBED_PORT": "81"})

    printed = json.loads(done.stdout)
    assert printed["EMBED_PORT"] == {"value": 81, "origin": "environment"}
    assert printed["EMBED_HOST"] == {"value": "127.0.0.1", "origin": "default"}
    table = run("manage.py", "config", folder=tmp_path, environment={"EMBED_PORT": "81"}).stdout
    assert "environment" in next(line for line in table.splitlines() if "EMBED_PORT" in line)
    assert not (tmp_path / "postgres").exists(), "it needs no database"
