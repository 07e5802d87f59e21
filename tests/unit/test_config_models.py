"""What may be declared of a model, and how a faulty declaration is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from embedsite.config import Config, ConfigError
from embedsite.config_sources import load

pytestmark = pytest.mark.usefixtures("bare_environment")


def loaded() -> Config:
    return load(argv=["manage.py", "serve"]).config


def test_models_are_declared_as_json_or_toml(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "embed.toml"
    file.write_text('[[models]]\nname = "a"\nfolder = "/models/a"\nmatryoshka = [128, 64]')
    monkeypatch.setenv("EMBED_CONFIG_FILE", str(file))
    [model] = loaded().models
    assert (model.name, model.folder, model.matryoshka) == ("a", Path("/models/a"), (128, 64))

    monkeypatch.setenv("EMBED_MODELS", '[{"name": "b", "wheel": "some_wheel"}]')
    assert [model.name for model in loaded().models] == ["b"]


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

    with pytest.raises(ConfigError) as error_info:
        loaded()
    message = str(error_info.value)

    assert message.startswith(f"EMBED_MODELS: {rule}")
    assert message.endswith("(environment).")
    assert "hidden" not in message


def test_a_fallback_may_state_the_same_fingerprint_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for stated in (A, None):
        second = REMOTE | {"name": "s", "fingerprint": stated}
        models = [REMOTE | {"fallback": "s", "fingerprint": A}, second]
        monkeypatch.setenv("EMBED_MODELS", json.dumps(models))

        assert len(loaded().models) == 2
