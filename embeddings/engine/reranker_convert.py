"""Converts a cross-encoder's folder to OpenVINO: `python -m embeddings.engine.reranker_convert`.

A process of its own, so that the service never holds torch.
"""

import sys
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import CrossEncoder as PeerCrossEncoder

from embeddings.engine.card import ModelCard
from embeddings.engine.convert import DoesNotConvert, in_one_line, main, save_graph, save_meta
from embeddings.engine.openvino_runtime import MODEL_FILE, OpenVinoRuntime
from embeddings.engine.pairs import PairReader
from embeddings.engine.prepare import TOKENIZER_FILE
from embeddings.engine.reranker import CrossEncoder
from embeddings.engine.reranker_card import read_reranker_card
from embeddings.engine.reranker_pytorch import (
    TOLERANCE,
    largest_difference,
    load_cross_encoder,
    pair_tokenizer,
    takes_types,
)
from embeddings.engine.verify import SAMPLES


class Logits(torch.nn.Module):
    """The model as a function of two or three tensors."""

    def __init__(self, model: PeerCrossEncoder) -> None:
        super().__init__()
        self.model: Any = model.model

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
    ) -> Any:
        """Logits `(n,)` of ids, mask and types `(n, longest)`."""
        more = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        return self.model(input_ids=input_ids, attention_mask=attention_mask, **more).logits[:, 0]


def convert(card: ModelCard, destination: Path) -> None:
    """Fill the folder with model, tokenizer and meta.json. Raises DoesNotConvert, UnusableModel."""
    model = load_cross_encoder(card, device="cpu", precision="float32")
    pair_tokenizer(model).save(str(destination / TOKENIZER_FILE))
    pad_id = int(model.tokenizer.pad_token_id or 0)
    # Two rows of unequal length: a trace of one row could freeze the batch or the mask.
    made = model.preprocess([(SAMPLES[0], text) for text in SAMPLES[:2]])
    names = ["input_ids", "attention_mask"] + ["token_type_ids"] * takes_types(model)
    example = {name: made[name] for name in names}
    save_graph(Logits(model), example, destination / MODEL_FILE)
    _verify(model, card, destination, pad_id=pad_id)
    save_meta(card, destination, pad_id=pad_id, takes_types=takes_types(model))


def _verify(model: PeerCrossEncoder, card: ModelCard, folder: Path, *, pad_id: int) -> None:
    """Compare with sentence-transformers' own predict, alone and in one batch."""
    try:
        runtime = OpenVinoRuntime(folder, pad_id=pad_id, precision="float32", threads=0)
    except RuntimeError as error:
        raise DoesNotConvert(f"OpenVINO can't compile it: {in_one_line(error)}") from error
    reranker = CrossEncoder(
        name=card.name,
        max_tokens=card.max_tokens,
        reader=PairReader(pair_tokenizer(model), max_tokens=card.max_tokens),
        runtime=runtime,
        takes_types=takes_types(model),
        # Above all samples together: one batch, every row but the longest padded.
        batch_tokens=card.max_tokens * len(SAMPLES),
    )
    difference = largest_difference(model, reranker)
    reranker.close()
    if not difference <= TOLERANCE["float32"]:  # so that NaN fails too
        raise DoesNotConvert(f"The logits differ from PyTorch's by {difference:.1e}.")


if __name__ == "__main__":
    sys.exit(main(read_reranker_card, convert))
