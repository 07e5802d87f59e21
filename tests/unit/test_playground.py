"""What the playground makes of hits, and the code that it shows."""

import json
import subprocess
import sys
import uuid
from typing import Any

from embeddings.admin.playground_code import as_code
from embeddings.admin.playground_results import Shown, compare, shown
from embeddings.constants import SearchPath
from embeddings.models import Collection
from embeddings.types.search import Hit, Plan, SearchParams, SearchResult

URL = "https://search.example.org/v1/search"
BODY = {
    "collection": "demo",
    "query": 'it\'s "quoted" `id` $HOME \\ \n %s {0} é\u2028!',
    "filter": {"a": {"$gte": 1.5}, "b": [True, None]},
    "exact": True,
}

REQUESTS = """
import json, sys
from unittest.mock import MagicMock

def post(url, **options):
    print(json.dumps({"url": url, **options}))
    return MagicMock()

sys.modules["requests"] = MagicMock(post=post)
"""


def output_of(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, env={"TOKEN": "emb_x"}, check=True)
    return done.stdout.decode()


def test_curl_sends_the_body() -> None:
    # A function in curl's place tells what curl would be given.
    code = as_code(url=URL, body=BODY)["curl"]
    script = f"curl() {{ printf '%s\\0' \"$@\"; }}\n{code}"

    arguments = output_of("/bin/bash", "-c", script).split("\0")[:-1]

    assert arguments[:3] == ["-s", URL, "-H"]
    assert arguments[3] == "Authorization: Bearer emb_x"
    assert json.loads(arguments[-1]) == BODY


def test_python_sends_the_body() -> None:
    code = as_code(url=URL, body=BODY)["Python"]

    asked = json.loads(output_of(sys.executable, "-c", REQUESTS + code).splitlines()[0])

    assert asked["url"] == URL
    assert asked["json"] == BODY
    assert asked["headers"] == {"Authorization": "Bearer emb_x"}


def test_javascript_sends_the_body() -> None:
    code = as_code(url=URL, body=BODY)["JavaScript"]

    assert json.loads(code.split("JSON.stringify(")[1].split("),\n});")[0]) == BODY
    assert f'fetch("{URL}"' in code


def hit(external_id: str, *, ordinal: int = 0, text: str = "tea", **values: Any) -> Hit:
    where = {"start": 0, "end": len(text), **values}
    return Hit(uuid.uuid4(), external_id, 0.5, 0.5, ordinal=ordinal, text=text, **where)


def found(*hits: Hit, **params: Any) -> Shown:
    result = SearchResult(list(hits), Plan(SearchPath.EXACT, exact=True))
    return shown(collection=Collection(), params=SearchParams(**params), result=result)


def moves(of: Shown) -> list[tuple[str, int | None, int]]:
    return [(each.hit.external_id, each.other_rank, each.climbed) for each in of.hits]


def test_ranks_are_compared() -> None:
    one, other = found(hit("a"), hit("b"), hit("c")), found(hit("c"), hit("b"), hit("d"))

    assert compare(one, other) == "2 in both, 1 of them at the same rank"
    assert moves(one) == [("a", 0, 0), ("b", 2, 0), ("c", 1, -2)]
    assert moves(other) == [("c", 3, 2), ("b", 2, 0), ("d", 0, 0)]


def test_chunks_are_compared_where_both_have_them() -> None:
    def chunks() -> tuple[Hit, ...]:
        return hit("a", ordinal=1), hit("a", ordinal=0)

    by_chunk = found(*chunks(), group_by="chunk")
    assert compare(by_chunk, found(*reversed(chunks()), group_by="chunk")).startswith(
        "2 in both, 0"
    )
    # Of documents, the best chunk has the rank.
    assert compare(by_chunk, found(hit("a"))) == "1 in both, 1 of them at the same rank"


def test_a_span_is_marked_amid_its_text() -> None:
    text = "x" * 400 + "found" + "y" * 400
    one = hit("a", text=text, start=400, end=405)
    everything = frozenset({"text", "chunk"})

    assert found(one, include=everything).hits[0].text == [
        ("…" + "x" * 300, False),
        ("found", True),
        ("y" * 300 + "…", False),
    ]
    assert found(one, include=frozenset({"chunk"})).hits[0].text == [("found", True)]
    assert found(one, include=frozenset({"text"})).hits[0].text == [(text[:600] + "…", False)]
    assert found(one, include=frozenset()).hits[0].text == []
    whole = found(hit("a", text="all"), include=everything).hits[0].text
    assert "".join(part for part, _ in whole) == "all"
    assert not any(marked for _, marked in whole)


def test_a_highlight_is_taken_apart() -> None:
    marked = hit(
        "a", highlights=["1 &lt; 2 <mark>a&amp;b</mark>", "<mark>x</mark> y <mark>z</mark>"]
    )

    assert found(marked).hits[0].highlights == [
        [("1 < 2 ", False), ("a&b", True)],
        [("x", True), (" y ", False), ("z", True)],
    ]
