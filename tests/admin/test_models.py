"""The served models in the console."""

import re
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from embeddings.breaker import Breaker
from embeddings.engine import remote_provider
from embeddings.models import Collection, Generation
from embeddings.services.engine import default_reranker, model_info, preload
from embeddings.types.model import ModelDeclaration
from tests.factories import make_collection
from tests.models import declare
from tests.unit.engine.model_folders import make_model_folder

LIST = reverse("admin:models")


@pytest.fixture(autouse=True)
def _declared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    declare(
        monkeypatch,
        ModelDeclaration(
            name="mine",
            folder=make_model_folder(tmp_path / "small"),
            matryoshka=(16, 8),
            price_per_million_tokens="0.02",
        ),
        ModelDeclaration(name="broken", folder=Path("/nowhere/secret")),
    )


def cells(page: str, name: str) -> list[str]:
    """What the row of the model says."""
    row = page.split(f'<th scope="row">{name}')[1].split("</tr>")[0]
    return re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)


def test_it_works(as_operator: Client) -> None:
    preload()

    page = as_operator.get(LIST).content.decode()

    assert "hashing-384 (default)" in page
    shown = cells(page, "hashing-384")
    assert "loaded" in shown[0].split()
    assert "not" not in shown[0].split()
    assert shown[1:4] == ["local embedding", "384", "1000000"]
    assert shown[4:7] == ["float32, normalised", "0 B", "-"]
    mine = cells(page, "mine")
    assert "not loaded" in mine[0]
    assert (mine[2], mine[6]) == ("32, or 16, 8", "0.02")
    assert cells(page, "all-MiniLM-L6-v2")[5].endswith("MiB")
    assert model_info("mine").fingerprint in mine[9]


def test_who_needs_a_model_is_shown(as_operator: Client, collection: Collection) -> None:
    make_collection("stranded")
    Generation.objects.exclude(pk=collection.generation.pk).update(fingerprint="another")
    gone = make_collection("of-what-is-gone")
    Generation.objects.filter(pk=gone.generation.pk).update(model="gone & lost")

    page = as_operator.get(LIST).content.decode()

    collections, documents = cells(page, "hashing-384")[7:9]
    assert '?active__model=hashing-384">2</a>' in collections
    assert "1 not searchable" in collections
    assert documents == "1"
    shown = cells(page, "gone &amp; lost")
    assert "unusable" in shown[0]
    assert "?active__model=gone%20%26%20lost" in shown[2]


@pytest.mark.parametrize(
    ("failures", "told"), [(None, "not asked yet"), (0, "answers"), (9, "asked again in")]
)
def test_whether_a_provider_answers(
    as_operator: Client, monkeypatch: pytest.MonkeyPatch, failures: int | None, told: str
) -> None:
    far = ModelDeclaration(
        name="far",
        provider="remote",
        url="http://10.255.0.1:1/v1",
        dimensions=8,
        max_tokens=512,
        fingerprint="ab" * 32,
    )
    declare(monkeypatch, far)
    breaker = Breaker(pause_s=60)
    for _ in range(failures or 0):
        breaker.failed()
    known = {} if failures is None else {"http://10.255.0.1:1": breaker}
    monkeypatch.setattr(remote_provider, "_breakers", known)

    shown = cells(as_operator.get(LIST).content.decode(), "far")

    assert told in shown[0]
    assert shown[1] == "remote embedding"


def test_a_model_that_can_not_be_used_is_shown_as_such(as_admin: Client) -> None:
    page = as_admin.get(LIST).content.decode()

    assert "unusable" in cells(page, "broken")[0]
    assert "can't be used now" in cells(page, "broken")[1]
    assert "secret" not in page


def test_it_is_in_the_menu_of_those_who_may_see_it(as_operator: Client, as_member: Client) -> None:
    assert LIST in as_operator.get("/admin/").content.decode()
    assert LIST not in as_member.get("/admin/").content.decode()
    assert as_member.get(LIST).status_code == 403


def test_nothing_can_be_changed_there(as_admin: Client) -> None:
    assert as_admin.post(LIST).status_code == 405


def test_a_new_collection_may_have_an_embedding_model_alone(as_admin: Client) -> None:
    page = as_admin.get(reverse("admin:embeddings_collection_add")).content.decode()

    choices = page.split('name="model"')[1].split("</select>")[0]
    assert 'value="mine"' in choices
    assert default_reranker() not in choices
