"""Runs a cross-encoder with PyTorch through sentence-transformers, and compares ours with it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import CrossEncoder as PeerCrossEncoder
from tokenizers import Tokenizer

from embeddings.engine.card import ModelCard
from embeddings.engine.cores import usable_cores
from embeddings.engine.interface import Precision, Reranker, RuntimeName, UnusableModel
from embeddings.engine.pytorch_runtime import BEST_BATCH_TOKENS
from embeddings.engine.verify import SAMPLES

TOLERANCE = {"float32": 1e-4, "bfloat16": 5e-2, "float16": 2e-2}
"""Largest |Δ| of a logit, relative to the largest where that is above 1. A logit is a sum over the
hidden size of unbounded terms, where a component of a normalised vector is below 1."""


def load_cross_encoder(card: ModelCard, *, device: str, precision: Precision) -> PeerCrossEncoder:
    """The model from its folder alone: safetensors, no code of its own, in the precision asked."""
    model: PeerCrossEncoder = PeerCrossEncoder(
        str(card.folder),
        device=device,
        trust_remote_code=False,
        local_files_only=True,
        model_kwargs={"use_safetensors": True, "dtype": getattr(torch, precision)},
    )
    model.max_seq_length = card.max_tokens
    model.eval()
    return model


def pair_tokenizer(model: PeerCrossEncoder) -> Tokenizer:
    """The Rust tokenizer behind the model's own. Raises UnusableModel where there is none."""
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise UnusableModel("The model has no fast tokenizer.")
    # A copy: the reader changes settings that sentence-transformers relies on.
    return Tokenizer.from_str(backend.to_str())


def takes_types(model: PeerCrossEncoder) -> bool:
    """Whether the model is told which token belongs to the query and which to the text."""
    return "token_type_ids" in model.tokenizer.model_input_names


class PyTorchPairRuntime:
    """A cross-encoder run by one thread."""

    name: RuntimeName = "pytorch"
    streams = 1

    def __init__(self, model: PeerCrossEncoder, *, threads: int) -> None:
        self._model: Any = model.model
        self._device = model.device
        self.pad_id = int(model.tokenizer.pad_token_id or 0)
        self.best_batch_tokens = BEST_BATCH_TOKENS[model.device.type]
        if model.device.type == "cpu":
            torch.set_num_threads(threads or usable_cores())

    @torch.inference_mode()
    def run(
        self, ids: NDArray[np.int64], mask: NDArray[np.int64], **more: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """As PairRuntime.run."""
        given = {"input_ids": ids, "attention_mask": mask, **more}
        made = {name: torch.from_numpy(each).to(self._device) for name, each in given.items()}
        result: NDArray[np.float32] = self._model(**made).logits[:, 0].float().cpu().numpy()
        return result


def largest_difference(model: PeerCrossEncoder, reranker: Reranker) -> float:
    """The largest |Δ| of a logit over the samples as queries and texts, alone and together,
    relative to the largest where that is above 1; NaN where one is not finite.
    """
    differences: list[float] = []
    for query, expected in _expected(model):
        scale = max(1.0, float(np.abs(expected).max()))
        alone = [reranker.score(query, [text]).logits for text in SAMPLES]
        together = reranker.score(query, SAMPLES).logits
        differences.extend(
            float(np.abs(actual - expected).max()) / scale
            for actual in (together, np.concatenate(alone))
        )
    return float(np.max(differences))


def _expected(model: PeerCrossEncoder) -> Iterator[tuple[str, NDArray[np.float32]]]:
    for query in SAMPLES:
        pairs = [(query, text) for text in SAMPLES]
        logits = model.predict(
            pairs, activation_fn=torch.nn.Identity(), batch_size=2, show_progress_bar=False
        )
        yield query, np.asarray(logits, dtype=np.float32)
