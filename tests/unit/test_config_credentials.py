"""The options of credentials: off unless asked for, and refused where they don't fit together."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from accounts.issuer import Issuer
from accounts.policy import SiteRole
from embedsite.config import BASE_DIR, ConfigError
from embedsite.config_sources import load
from embedsite.options import effective
from tests.keys import write_key

ISSUER = {"issuer": "https://id.example", "audience": "embed", "jwks_url": "https://id.example/k"}


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("EMBED_DATA_DIR", str(tmp_path))
    write_key(tmp_path / "key.pem")
    return tmp_path


def refusal(monkeypatch: pytest.MonkeyPatch, **variables: Any) -> str:
    for name, value in variables.items():
        text = value if isinstance(value, str) else json.dumps(value)
        monkeypatch.setenv(f"EMBED_{name.upper()}", text)
    with pytest.raises(ConfigError) as caught:
        load()
    return str(caught.value)


def test_it_works(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("EMBED_JWT", "true")
    monkeypatch.setenv("EMBED_JWT_KEY_FILE", str(folder / "key.pem"))
    monkeypatch.setenv("EMBED_JWT_OLD_KEY_FILES", f"{folder / 'key.pem'}, {folder / 'key.pem'}")
    monkeypatch.setenv("EMBED_JWT_ISSUERS", json.dumps([ISSUER]))
    loaded = load()
    assert loaded.config.jwt_issuers[0].audience == "embed"
    assert loaded.config.jwt_old_key_files == [folder / "key.pem"] * 2
    values = {entry["variable"]: entry["value"] for entry in effective(loaded)}
    assert values["EMBED_JWT_ISSUERS"] == [ISSUER]


def test_only_api_tokens_are_accepted_unless_asked_for() -> None:
    config = load().config
    assert (config.jwt, config.jwt_issuers, config.oauth, config.mtls) == (False, [], False, "off")


@pytest.mark.parametrize(
    ("variables", "rule"),
    [
        ({"jwt": "true"}, "EMBED_JWT needs EMBED_JWT_KEY_FILE"),
        ({"jwt_key_file": "/nowhere.pem"}, "should be a file that is there"),
        ({"jwt_key_file": "/etc/hosts"}, "holds no PEM private key"),
        ({"jwt_old_key_files": "/etc/hosts"}, "holds no PEM key"),
        ({"tls_cert_file": "/etc/hosts"}, "go together"),
        ({"mtls": "direct"}, "needs EMBED_TLS_CERT_FILE"),
        ({"mtls_header": "a b"}, "EMBED_MTLS_HEADER"),
        ({"jwt_issuers": "{"}, "JSON"),
        ({"jwt_issuers": [ISSUER, ISSUER]}, "the same name"),
        ({"jwt_issuers": [ISSUER | {"issuer": "embedding-service"}]}, "the same name"),
        ({"jwt_issuers": [ISSUER | {"algorithms": ["none"]}]}, "entry 1: algorithms"),
        ({"jwt_issuers": [ISSUER | {"algorithms": ["HS256"]}]}, "entry 1: algorithms"),
        ({"jwt_issuers": [ISSUER | {"jwks_url": "http://id.example/k"}]}, "must be https"),
        ({"jwt_issuers": [ISSUER | {"jwks_url": None}]}, "either jwks_url or jwks_file"),
        ({"jwt_issuers": [ISSUER | {"roles": {"x": "admin"}}]}, "go together"),
        ({"jwt_issuers": [ISSUER | {"role_claim": "r", "roles": {"x": "king"}}]}, "entry 1: roles"),
    ],
)
def test_what_does_not_fit_is_refused(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, Any], rule: str
) -> None:
    assert rule in refusal(monkeypatch, **variables)


def test_the_readme_declares_an_issuer_that_would_be_accepted() -> None:
    found = re.search(
        r"```toml\n(\[\[jwt_issuers.*?)```", (BASE_DIR / "README.md").read_text(), re.S
    )
    assert found
    (declared,) = tomllib.loads(found[1])["jwt_issuers"]
    issuer = Issuer.model_validate(declared)
    assert issuer.roles == {"embed-operator": SiteRole.OPERATOR, "embed-admin": SiteRole.ADMIN}
