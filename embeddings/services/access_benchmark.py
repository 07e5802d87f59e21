"""What authentication, grants, limits, usage and audit add to a search."""

import secrets
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accounts.payer import paying
from accounts.policy import Role
from accounts.services.rates import check_rate, payer_of
from accounts.services.teams import create_team, delete_team
from accounts.services.tokens import create_api_token
from accounts.services.users import change_user, create_user, delete_user
from accounts.services.verified_tokens import verify_api_token
from embeddings.exceptions import InvalidRequest
from embeddings.models import Collection
from embeddings.services.grants import create_grant
from embeddings.services.search import search_collection, search_visible
from embeddings.store.bare_search import sample_vectors
from embeddings.types.search import SearchParams

ADDRESS = "127.0.0.1"
BUSY = 6_000
"""Requests a minute that a busy client may make."""

WARM_UP = 20

Search = Callable[[NDArray[np.float32]], object]


def measure_access(*, collection: Collection, queries: int, top_k: int) -> dict[str, Any]:
    """Milliseconds of a search with a given vector in this process: `open`, of the collection at
    hand for nobody in particular; `guarded`, by an API token of a passing user to whose team the
    collection is granted, on record; `limited`, where user, team and token have rates besides.

    They take turns on the same vectors. Raises InvalidRequest for an empty collection.
    """
    vectors = sample_vectors(generation_id=collection.generation.pk, count=queries)
    if not vectors:
        raise InvalidRequest(detail="The collection is empty.")
    rate = max(BUSY, len(vectors) + WARM_UP)
    with _token(collection, rate=None) as guarded, _token(collection, rate=rate) as limited:
        searches: dict[str, Search] = {
            "open": _open(collection, top_k),
            "guarded": _by_token(collection.name, top_k, guarded),
            "limited": _by_token(collection.name, top_k, limited),
        }
        for vector in vectors[:WARM_UP]:
            for search in searches.values():
                search(vector)
        took = _in_turns(searches, vectors)
    medians = {name: statistics.median(times) for name, times in took.items()}
    return {
        "collection": collection.name,
        "documents": collection.document_count,
        "queries": len(vectors),
        "top_k": top_k,
        "p50_ms": {name: round(median, 3) for name, median in medians.items()},
        "added_ms": {
            name: round(medians[name] - medians["open"], 3) for name in ("guarded", "limited")
        },
    }


def _open(collection: Collection, top_k: int) -> Search:
    def search(vector: NDArray[np.float32]) -> object:
        return search_collection(
            collection=collection, params=SearchParams(vector=vector, top_k=top_k)
        )

    return search


def _by_token(name: str, top_k: int, plaintext: str) -> Search:
    """As the web's authentication, permission and view do it."""

    def search(vector: NDArray[np.float32]) -> object:
        principal = verify_api_token(plaintext, address=ADDRESS).principal
        check_rate(allowances=principal.allowances)
        params = SearchParams(vector=vector, top_k=top_k)
        with paying(payer_of(principal)):
            return search_visible(principal=principal, name=name, params=params, fresh=True)

    return search


@contextmanager
def _token(collection: Collection, *, rate: int | None) -> Iterator[str]:
    """Of a passing user, to whose passing team the collection is granted."""
    mark = f"benchmark-{secrets.token_hex(6)}"
    user = create_user(username=mark, fields={"requests_per_minute": rate})
    try:
        team = create_team(name=mark, members=[mark], limits={"requests_per_minute": rate})
        try:
            change_user(user=user, fields={"team": team})
            create_grant(collection=collection, team=mark, role=Role.VIEWER)
            yield create_api_token(user=user, name=mark, requests_per_minute=rate)[1]
        finally:
            delete_team(team=team)
    finally:
        delete_user(user=user)


def _in_turns(
    searches: Mapping[str, Search], vectors: list[NDArray[np.float32]]
) -> dict[str, list[float]]:
    took: dict[str, list[float]] = {name: [] for name in searches}
    order = list(searches)
    for vector in vectors:
        for name in order:
            started = time.perf_counter()
            searches[name](vector)
            took[name].append((time.perf_counter() - started) * 1000)
        order = order[1:] + order[:1]
    return took
