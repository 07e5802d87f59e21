"""Measures the engine against sentence-transformers' own encode and the bare loop."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.engine.catalog import find_model
from embeddings.engine.interface import EngineOptions
from embeddings.engine.loading import load_embedder
from embeddings.engine.sources import MINILM

PEER_BATCH = 32
"""encode()'s own default."""


def measure_engine(
    texts: Sequence[str], *, options: EngineOptions, rounds: int = 5, model: str = MINILM
) -> dict[str, Any]:
    """Texts per second of the engine, of sentence-transformers and of the bare loop, medians of
    `rounds`, the engine's ratio to each, and the largest |Δ| to sentence-transformers.

    All take turns on the same texts, and who begins alternates, so that other load on the machine
    meets all alike. Holds torch in this process.
    """
    from embeddings.engine.bare_loop import BareLoop
    from embeddings.engine.pytorch_runtime import load_sentence_transformer

    card = find_model(model, options).card
    embedder = load_embedder(model, options)
    device = "cuda" if embedder.runtime == "pytorch" and options.device != "cpu" else "cpu"
    peer = load_sentence_transformer(card, device=device, precision="float32")
    prompt = card.prompts["document"]
    given = list(texts)

    def ours(some: list[str]) -> NDArray[np.float32]:
        return embedder.embed(some).vectors

    def theirs(some: list[str]) -> NDArray[np.float32]:
        return np.asarray(
            peer.encode(some, batch_size=PEER_BATCH, prompt=prompt, show_progress_bar=False)
        )

    difference = np.abs(ours(given) - theirs(given)).max()  # and a warm-up for both
    contestants: dict[str, Callable[[list[str]], Any]] = {
        "engine": ours,
        "sentence_transformers": theirs,
    }
    if embedder.runtime == "openvino":
        contestants["bare_loop"] = BareLoop(model, options).embed
    rates = _take_turns(contestants, given, rounds)
    medians = {name: statistics.median(each) for name, each in rates.items()}
    report = {
        "model": model,
        "runtime": embedder.runtime,
        "texts": len(given),
        "mean_tokens": statistics.mean(embedder.count_tokens(given)),
        "rounds": rounds,
        "texts_per_second": medians,
        "each_round": rates,
        "ratios": {name: medians["engine"] / rate for name, rate in medians.items()},
        "max_difference": float(difference),
    }
    embedder.close()
    return report


def _take_turns(
    contestants: dict[str, Callable[[list[str]], Any]], texts: list[str], rounds: int
) -> dict[str, list[float]]:
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds):
        names = list(contestants) if turn % 2 == 0 else list(reversed(contestants))
        for name in names:
            started = time.perf_counter()
            contestants[name](texts)
            rates[name].append(len(texts) / (time.perf_counter() - started))
    return rates
