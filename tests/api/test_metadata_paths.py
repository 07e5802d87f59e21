"""What a path into the metadata means, wherever `POST /v1/search` takes one."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from embeddings.constants import FieldType
from embeddings.models import Collection
from embeddings.store.metadata_index import create_index
from embeddings.types.metadata_schema import SchemaField
from tests.factories import make_document

PATH = "/v1/search"


def test_a_step_is_a_key_and_never_a_place_in_an_array(
    collection: Collection, as_alice: APIClient
) -> None:
    make_document(collection, "A book.", external_id="listed", tags=["first"])
    make_document(collection, "A book.", external_id="numbered", tags={"0": "zero"})
    search: dict[str, Any] = {"collection": collection.name, "query": "book"}

    facet = as_alice.post(PATH, search | {"facets": ["tags.0"]}).json()["facets"]["tags.0"]
    assert (facet["values"], facet["null"]) == ([{"value": "zero", "count": 1}], 0)
    filtered = as_alice.post(PATH, search | {"filter": {"tags.0": {"$exists": True}}}).json()
    assert [hit["id"] for hit in filtered["hits"]] == ["numbered"]
    for mode in ("semantic", "hybrid"):
        wanted = search | {"group_by": {"field": "tags.0"}, "mode": mode}
        groups = as_alice.post(PATH, wanted).json()["groups"]
        assert [group["value"] for group in groups] == ["zero"]


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("शीर्षक", "शीर्षक"),
        ("re\u0301gion", "re\u0301gion"),
        ("lang__contains", "lang__contains"),
        (' Größe (in %s) & 100% "O\'Neil"\t', ' Größe (in %s) & 100% "O\'Neil"\t'),
        ("'); DROP TABLE documents; --", "'); DROP TABLE documents; --"),
        ("$ref", "\\$ref"),
        ("C:\\temp.txt", "C:\\\\temp\\.txt"),
    ],
)
def test_a_path_leads_to_every_key_that_documents_have(
    collection: Collection, as_alice: APIClient, key: str, name: str
) -> None:
    declared = as_alice.patch(
        f"/v1/collection/{collection.name}",
        {"metadata_schema": {name: {"type": "string", "index": True}}},
    )
    assert declared.status_code == 200, declared.json()
    field = SchemaField(name, FieldType.STRING, index=True)
    create_index(collection_id=collection.pk, field=field)
    make_document(collection, "A book.", external_id="with", **{key: "x"})
    make_document(collection, "A book.", external_id="without", other="x")
    answer = as_alice.post(
        PATH,
        {
            "collection": collection.name,
            "query": "book",
            "filter": {name: {"$eq": "x", "$gte": "w", "$ne": "y"}},
            "facets": [name],
            "group_by": {"field": name},
        },
    ).json()
    assert [[hit["id"] for hit in group["hits"]] for group in answer["groups"]] == [["with"]]
    assert answer["facets"][name]["values"] == [{"value": "x", "count": 1}]
