"""The served models in the console."""

import re
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from embeddings.services.engine import default_reranker, model_info, preload
from embeddings.types.model import ModelDeclaration
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
    return re.findall(r"<td[^>]*>(.*)</td>", row)


def test_it_works(as_operator: Client) -> None:
    preload()

    page = as_operator.get(LIST).content.decode()

    assert "hashing-384 (default)" in page
    assert cells(page, "hashing-384")[:7] == [
        "embedding",
        "local",
        "384",
        "1000000",
        "float32",
        "yes",
        "-",
    ]
    assert cells(page, "hashing-384")[7] == "yes"
    mine = cells(page, "mine")
    assert (mine[2], mine[6], mine[7]) == ("32, or 16, 8", "0.02", "no")
    assert model_info("mine").fingerprint in mine[8]


def test_a_model_that_can_not_be_used_is_shown_as_such(as_admin: Client) -> None:
    page = as_admin.get(LIST).content.decode()

    assert "can't be used now" in cells(page, "broken")[0]
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
