"""`GET /v1/models` and `GET /v1/models/{model}`."""

from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from embeddings.services.engine import preload
from embeddings.types.model import ModelDeclaration
from tests.api.assertions import assert_error, assert_problem
from tests.models import declare
from tests.unit.engine.model_folders import make_model_folder

PATH = "/v1/models"
REMOTE: dict[str, Any] = {"provider": "remote", "url": "http://127.0.0.1:8119/v1"}


def by_name(client: APIClient) -> dict[str, dict[str, Any]]:
    return {model["id"]: model for model in client.get(PATH).json()["data"]}


def test_it_works(as_charlie: APIClient) -> None:
    preload()

    answer = as_charlie.get(PATH).json()

    first, *others = answer["data"]
    assert answer["object"] == "list"
    assert first.pop("revision")
    assert first.pop("fingerprint")
    assert first == {
        "id": "hashing-384",
        "object": "model",
        "created": 0,
        "owned_by": "local",
        "kind": "embedding",
        "provider": "local",
        "dimensions": 384,
        "matryoshka": [],
        "max_tokens": 1_000_000,
        "normalized": True,
        "precision": "float32",
        "token_ids": "cl100k_base",
        "price_per_million_tokens": None,
        "default": True,
        "usable": True,
        "loaded": True,
    }
    assert "all-MiniLM-L6-v2" in [model["id"] for model in others]
    assert not any(model["default"] for model in others if model["kind"] == "embedding")


def test_what_is_declared_is_shown(
    as_charlie: APIClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(
        monkeypatch,
        ModelDeclaration(
            name="mine",
            folder=make_model_folder(tmp_path / "small"),
            matryoshka=(16, 8),
            normalize=False,
            precision="bfloat16",
            price_per_million_tokens="0.02",
            token_ids="own",
        ),
        ModelDeclaration(
            name="theirs", dimensions=1536, max_tokens=8191, fingerprint="a" * 64, **REMOTE
        ),
        ModelDeclaration(name="judge", kind="reranker", max_tokens=512, **REMOTE),
    )

    models = by_name(as_charlie)

    mine = models["mine"]
    assert mine["created"] > 1_700_000_000
    assert (mine["dimensions"], mine["matryoshka"], mine["normalized"]) == (32, [16, 8], False)
    assert (mine["precision"], mine["token_ids"], mine["loaded"]) == ("bfloat16", "own", False)
    assert mine["price_per_million_tokens"] == 0.02
    theirs = models["theirs"]
    assert (theirs["provider"], theirs["owned_by"]) == ("remote", "remote")
    assert (theirs["dimensions"], theirs["fingerprint"]) == (1536, "a" * 64)
    judge = models["judge"]
    assert (judge["kind"], judge["dimensions"], judge["default"]) == ("reranker", None, True)


def test_one_is_asked_for(
    as_charlie: APIClient, stranger: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(
        monkeypatch,
        ModelDeclaration(name="judge", kind="reranker", max_tokens=512, **REMOTE),
        ModelDeclaration(name="gone", folder=Path("/nowhere/secret")),
    )

    models = by_name(as_charlie)
    for name in ("hashing-384", "judge"):
        assert as_charlie.get(f"{PATH}/{name}").json() == models[name]
    assert as_charlie.get("/models/judge").json() == models["judge"]

    for name in ("none", "org/none", "org%2Fnone"):
        none = as_charlie.get(f"{PATH}/{name}")
        assert_error(none, "openai", 404, "model_not_found", param="model")
    assert_error(as_charlie.get(f"{PATH}/gone"), "openai", 503, "model_unusable")
    assert_error(stranger.get(f"{PATH}/judge"), "openai", 401, "not_authenticated")


def test_a_model_that_can_not_be_used_is_listed_as_such_and_hides_no_other(
    as_charlie: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = by_name(as_charlie)

    declare(monkeypatch, ModelDeclaration(name="gone", folder=Path("/nowhere/secret")))

    after = by_name(as_charlie)
    gone = after.pop("gone")
    assert after.keys() == before.keys()
    assert (gone["usable"], gone["loaded"], gone["provider"]) == (False, False, "local")
    assert (gone["dimensions"], gone["max_tokens"], gone["fingerprint"]) == (None, None, None)


def test_a_collection_waits_for_its_model_that_is_gone_or_another_one(
    as_alice: APIClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = ModelDeclaration(name="mine", folder=make_model_folder(tmp_path / "small"))
    declare(monkeypatch, mine)
    body = {"name": "drinks", "model": "mine"}
    assert as_alice.post("/v1/collection", body).status_code == 201

    def ask() -> Any:
        return as_alice.post("/v1/search", {"collection": "drinks", "query": "tea"})

    for models in ([mine.model_copy(update={"max_tokens": 8})], []):
        declare(monkeypatch, *models)
        assert_problem(ask(), 503, "model_unusable")
        document = {"collection": "drinks", "documents": [{"id": "1", "text": "tea"}]}
        assert_problem(as_alice.post("/v1/add", document), 503, "model_unusable")
        by_vector = {"collection": "drinks", "vector": [1.0] * 32}
        assert as_alice.post("/v1/search", by_vector).status_code == 200


def test_the_cast(as_alice: APIClient, as_bob: APIClient, stranger: APIClient) -> None:
    assert as_alice.get(PATH).json() == as_bob.get(PATH).json()
    assert_problem(stranger.get(PATH), 401, "not_authenticated")
