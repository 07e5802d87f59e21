"""Runs a model with PyTorch through sentence-transformers: on CUDA, and what does not convert."""

import os

# Models are folders here; nothing may be asked of the hub, whatever a model's files name.
os.environ["HF_HUB_OFFLINE"] = "1"

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Normalize
from tokenizers import Tokenizer
from transformers.utils.logging import disable_progress_bar

from embeddings.engine.card import ModelCard
from embeddings.engine.cores import usable_cores
from embeddings.engine.interface import Precision, RuntimeName, UnusableModel

# Its output would end up between the service's log lines.
disable_progress_bar()  # type: ignore[no-untyped-call]

BEST_BATCH_TOKENS = {"cpu": 1024, "cuda": 32_768}
"""CPU as for OpenVINO, two streams in one; CUDA unmeasured: enough to fill a GPU with a small
model."""

RUN_COST_TOKENS = {"cpu": 64, "cuda": 4096}
"""As for OpenVINO, with PyTorch's own overhead; CUDA unmeasured: launching the kernels of a run
takes some milliseconds however little they do."""

STREAMS = {"cpu": 1, "cuda": 2}
"""On a GPU one thread launches its batch while the other's is computed."""


def load_sentence_transformer(
    card: ModelCard, *, device: str, precision: Precision
) -> SentenceTransformer:
    """The model from its folder alone: safetensors, no code of its own, in the precision asked.

    Raises UnusableModel where the folder's files contradict each other.
    """
    model = SentenceTransformer(
        str(card.folder),
        device=device,
        trust_remote_code=False,
        local_files_only=True,
        model_kwargs={"use_safetensors": True, "dtype": getattr(torch, precision)},
    )
    if model.get_embedding_dimension() != card.dimensions:
        raise UnusableModel(f"{card.folder}: the vectors have not {card.dimensions} dimensions.")
    model.max_seq_length = card.max_tokens
    _normalize(model, wanted=card.normalized)
    return model.eval()


def _normalize(model: SentenceTransformer, *, wanted: bool) -> None:
    """Make the model normalise, or not, where its own files say otherwise."""
    stated = isinstance(model[-1], Normalize)
    if wanted and not stated:
        model.append(Normalize())
    if stated and not wanted:
        model.pop(-1)


def fast_tokenizer(model: SentenceTransformer) -> Tokenizer:
    """The Rust tokenizer behind the model's own. Raises UnusableModel where there is none."""
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise UnusableModel("The model has no fast tokenizer.")
    # A copy: the reader changes settings that sentence-transformers relies on.
    return Tokenizer.from_str(backend.to_str())


def features(
    model: SentenceTransformer, ids: torch.Tensor, mask: torch.Tensor
) -> dict[str, torch.Tensor]:
    """What sentence-transformers would make of single texts with these ids."""
    made = {"input_ids": ids, "attention_mask": mask}
    if "token_type_ids" in model.tokenizer.model_input_names:
        made["token_type_ids"] = torch.zeros_like(ids)
    return made


class PyTorchRuntime:
    """A sentence-transformers model."""

    name: RuntimeName = "pytorch"

    def __init__(self, model: SentenceTransformer, *, threads: int) -> None:
        self._model: Any = model
        self.pad_id = int(model.tokenizer.pad_token_id or 0)
        self.streams = STREAMS[model.device.type]
        self.best_batch_tokens = BEST_BATCH_TOKENS[model.device.type]
        self.run_cost_tokens = RUN_COST_TOKENS[model.device.type]
        if model.device.type == "cpu":
            torch.set_num_threads(threads or usable_cores())

    @torch.inference_mode()
    def run(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """As Runtime.run."""
        return self._array(self._infer(ids, mask)["sentence_embedding"])

    @torch.inference_mode()
    def run_tokens(
        self, ids: NDArray[np.int64], mask: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """As TokenRuntime.run_tokens."""
        made = self._infer(ids, mask)
        return self._array(made["sentence_embedding"]), self._array(made["token_embeddings"])

    def _infer(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Any:
        device = self._model.device
        made = features(
            self._model, torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)
        )
        return self._model(made)

    def _array(self, tensor: torch.Tensor) -> NDArray[np.float32]:
        result: NDArray[np.float32] = tensor.float().cpu().numpy()
        return result
