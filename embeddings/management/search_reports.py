"""The reports of `manage.py benchmark search`."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from accounts.exceptions import Problem
from accounts.policy import Action
from embeddings.exceptions import InvalidRequest
from embeddings.management.charts import plot_matrix
from embeddings.management.principals import principal_for
from embeddings.management.reports import bars, texts_of, token_of, url_of
from embeddings.models import Collection
from embeddings.readers.files import file_format
from embeddings.services.collection import visible_collection
from embeddings.services.document_input import parse_document
from embeddings.services.engine import get_embedder, run_embedder
from embeddings.services.search_benchmark import measure_search
from embeddings.services.search_benchmark_data import SELECTIVITIES, prepare_collection
from embeddings.services.search_calibration import calibrate
from embeddings.services.search_matrix import UNFILTERED, Filters, Load, measure_matrix
from embeddings.store.bare_search import sample_vectors
from embeddings.types.document import DocumentInput

CLIENTS = (1, 8)
TOP_KS = (10, 100)


def search_report(options: dict[str, Any]) -> dict[str, Any]:
    """Raises Problem and CommandError."""
    if options["prepare"]:
        return _prepared(options)
    token = "" if options["calibrate"] else token_of(options)
    collection = visible_collection(
        principal=principal_for(None), name=options["collection"], action=Action.SEARCH
    )
    if options["calibrate"]:
        return calibrate(collection=collection, vectors=_vectors(collection, options))
    if options["matrix"]:
        return _matrix(collection, token, options)
    return measure_search(
        collection=collection,
        url=url_of(options),
        token=token,
        queries=options["queries"],
        top_k=options["top_k"],
    )


def _prepared(options: dict[str, Any]) -> dict[str, Any]:
    with bars() as step:
        collection = prepare_collection(
            principal=principal_for(None),
            name=options["collection"],
            model=settings.EMBED.default_model,
            documents=islice(_documents(options["prepare"]), options["limit"]),
            step=step,
        )
    return {"collection": collection.name, "documents": collection.document_count}


def _documents(files: list[Path]) -> Iterator[DocumentInput]:
    for row in chain.from_iterable(file_format(path).rows(path, 0) for path in files):
        with suppress(Problem):
            yield parse_document(row.raw)


def _matrix(collection: Collection, token: str, options: dict[str, Any]) -> dict[str, Any]:
    filters: Filters = {
        UNFILTERED: None,
        **{f"{share:g} %": {"within": {"$contains": share}} for share in SELECTIVITIES},
        **{str(each): each for each in options["filters"]},
    }
    load = Load(
        url=url_of(options),
        token=token,
        vectors=_vectors(collection, options),
        clients=options["clients"],
        seconds=options["seconds"],
    )
    with bars() as step:
        cells = measure_matrix(
            collection=collection, load=load, filters=filters, top_ks=TOP_KS, step=step
        )
    if options["plot"]:
        title = f"{collection.name}, {collection.document_count} documents"
        plot_matrix(cells, options["plot"], title=title)
    return {
        "collection": collection.name,
        "documents": collection.document_count,
        "queries": len(load.vectors),
        "cells": cells,
    }


def _vectors(collection: Collection, options: dict[str, Any]) -> list[NDArray[np.float32]]:
    """Of texts, or else stored ones changed a little, as they would find themselves."""
    if options["texts"]:
        texts = texts_of({"files": options["texts"], "limit": options["queries"]})
        embedder = get_embedder(collection.generation.model)
        return list(run_embedder(embedder, texts, input_type="query").vectors)
    stored = sample_vectors(generation_id=collection.generation.pk, count=options["queries"] + 1)
    if len(stored) < 2:
        raise InvalidRequest(detail="The collection is empty.")
    return [one * np.float32(0.75) + other * np.float32(0.25) for one, other in pairwise(stored)]
