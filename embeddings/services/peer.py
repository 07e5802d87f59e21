"""The quality that sentence-transformers itself reaches: its own encode, exact cosine in memory."""

from itertools import islice

import numpy as np
from numpy.typing import NDArray

from embeddings.engine import EngineOptions
from embeddings.readers.beir import BeirFolder
from embeddings.services.quality import DEPTH, Quality, corpus_documents, judge
from embeddings.types.embed import InputType


def measure_peer(
    *, folder: BeirFolder, model: str, options: EngineOptions, limit: int | None = None
) -> Quality:
    """The same corpus, queries and formulas as `measure_quality`. Holds torch in this process."""
    # Only now: it loads torch.
    from embeddings.engine.peer import encode_with_sentence_transformers

    def encode(texts: list[str], input_type: InputType) -> NDArray[np.float32]:
        vectors = encode_with_sentence_transformers(
            texts, model=model, options=options, input_type=input_type
        )
        return _normalised(vectors)

    documents = list(corpus_documents(folder))
    queries = dict(islice(folder.queries.items(), limit))
    corpus = encode([document.text for document in documents], "document")
    asked = encode(list(queries.values()), "query")
    nearest = np.argsort(-(asked @ corpus.T), axis=1, kind="stable")[:, :DEPTH]
    rankings = {
        key: [documents[index].external_id for index in row]
        for key, row in zip(queries, nearest, strict=True)
    }
    return judge(rankings, folder.judged)


def _normalised(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths: NDArray[np.float32] = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / lengths
