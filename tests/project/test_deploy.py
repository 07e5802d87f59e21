"""Settings fit for production."""

import os
import re
import subprocess
import sys
from pathlib import Path

from embedsite.config import BASE_DIR


def check_deploy(tmp_path: Path, **environment: str) -> str:
    """What Django's own check says of the settings."""
    ours = {"DJANGO_SETTINGS_MODULE": "embedsite.settings", "EMBED_DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy"],
        env={**os.environ, **ours, **environment},
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_production_passes_the_deployment_checks(tmp_path: Path) -> None:
    said = check_deploy(
        tmp_path,
        EMBED_MODE="production",
        EMBED_SECRET_KEY="0123456789abcdefghijklmnopqrstuvwxyz" * 2,
        EMBED_ALLOWED_HOSTS="search.example.org",
        EMBED_BEHIND_TLS_PROXY="true",
        EMBED_TRUSTED_PROXIES="10.0.0.0/8",
    )

    assert re.search(r"System check identified no issues \(\d silenced\)", said), said


def test_development_would_not(tmp_path: Path) -> None:
    """Else the test above could not fail."""
    said = check_deploy(tmp_path, EMBED_MODE="development")

    assert {"security.W012", "security.W016", "embedsite.W005"} <= set(
        re.findall(r"\w+\.[EWC]\d+", said)
    )
