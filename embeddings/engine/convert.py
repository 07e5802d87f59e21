"""Converts a sentence-transformers folder to OpenVINO: `python -m embeddings.engine.convert`.

A process of its own, so that the service never holds torch.
"""

import argparse
import json
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

from embeddings.engine.card import ModelCard, Overrides, read_card
from embeddings.engine.openvino_runtime import MODEL_FILE, OpenVinoRuntime, openvino
from embeddings.engine.prepare import DOES_NOT_CONVERT, GRAPH, META_FILE, TOKENIZER_FILE
from embeddings.engine.pytorch_runtime import fast_tokenizer, features, load_sentence_transformer
from embeddings.engine.reading import Reader
from embeddings.engine.transformer import TransformerEmbedder
from embeddings.engine.verify import SAMPLES, TOLERANCE, largest_difference
from embeddings.engine.weights import sha256_of, write_json

PACKAGES = ("openvino", "sentence-transformers", "transformers", "torch", "tokenizers")
MAX_REASON_CHARS = 1000


class DoesNotConvert(Exception):
    """The model needs PyTorch; the message says why."""


class Pipeline(torch.nn.Module):
    """The whole model, pooling and normalisation included, as a function of two tensors."""

    def __init__(self, model: SentenceTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        """Vectors `(n, dimensions)` of ids and mask `(n, longest)`, and those of their tokens
        `(n, longest, width)` before pooling.
        """
        made = self.model(features(self.model, input_ids, attention_mask))
        return made["sentence_embedding"], made["token_embeddings"]


def convert(card: ModelCard, destination: Path) -> None:
    """Fill the folder with model, tokenizer and meta.json. Raises DoesNotConvert, UnusableModel."""
    model = load_sentence_transformer(card, device="cpu", precision="float32")
    tokenizer = fast_tokenizer(model)
    tokenizer.save(str(destination / TOKENIZER_FILE))
    pad_id = int(model.tokenizer.pad_token_id or 0)
    # Two rows of unequal length: a trace of one row could freeze the batch or the mask.
    made = model.preprocess(SAMPLES[:2])
    example = {name: made[name] for name in ("input_ids", "attention_mask")}
    save_graph(Pipeline(model), example, destination / MODEL_FILE)
    _verify(model, card, destination, pad_id=pad_id)
    save_meta(card, destination, pad_id=pad_id)


def save_meta(card: ModelCard, destination: Path, *, pad_id: int, **more: Any) -> None:
    """Leave what a later start needs to know, `more` included."""
    weights = {
        path.relative_to(card.folder).as_posix(): sha256_of(path)
        for path in sorted(card.folder.rglob("*.safetensors"))
    }
    meta = {
        "runtime": "openvino",
        "graph": GRAPH,
        "dimensions": card.dimensions,
        "max_tokens": card.max_tokens,
        "prompts": card.prompts,
        "pad_id": pad_id,
        "weights": weights,
        "versions": {package: version(package) for package in PACKAGES},
        **more,
    }
    write_json(destination / META_FILE, meta)


def save_graph(model: torch.nn.Module, example: dict[str, torch.Tensor], path: Path) -> None:
    """Trace the model on the example and save it. Raises DoesNotConvert."""
    try:
        with torch.inference_mode():
            graph = openvino.convert_model(model.eval(), example_input=example)
        openvino.save_model(graph, path, compress_to_fp16=False)
    except OSError:
        raise
    except Exception as error:  # tracing runs the model's code: it may raise anything
        raise DoesNotConvert(in_one_line(error)) from error


def _verify(model: SentenceTransformer, card: ModelCard, folder: Path, *, pad_id: int) -> None:
    """Compare with sentence-transformers' own encode, alone and in one batch, both input types."""
    try:
        runtime = OpenVinoRuntime(folder, pad_id=pad_id, precision="float32", threads=0, wide=True)
    except RuntimeError as error:
        raise DoesNotConvert(f"OpenVINO can't compile it: {in_one_line(error)}") from error
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
    embedder = TransformerEmbedder(
        card=card,
        fingerprint="",
        reader=Reader(tokenizer, max_tokens=card.max_tokens),
        runtime=runtime,
        # Above all samples together: one batch, every row but the longest padded.
        batch_tokens=card.max_tokens * len(SAMPLES),
    )
    difference = largest_difference(model, card, embedder)
    embedder.close()
    if not difference <= TOLERANCE["float32"]:  # so that NaN fails too
        raise DoesNotConvert(f"The vectors differ from PyTorch's by {difference:.1e}.")


def in_one_line(error: Exception) -> str:
    """Kind and message, shortened."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:MAX_REASON_CHARS]


def main(
    read: Callable[[str, Path, Overrides], ModelCard] = read_card,
    convert: Callable[[ModelCard, Path], None] = convert,
) -> int:
    """Exit status: 0, DOES_NOT_CONVERT with the reason as the last line of stderr, or 1."""
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("destination", type=Path)
    parser.add_argument("overrides", type=json.loads)
    arguments = parser.parse_args()
    try:
        overrides = Overrides(**arguments.overrides)
        card = read(arguments.source.name, arguments.source, overrides)
        convert(card, arguments.destination)
    except DoesNotConvert as error:
        print(error, file=sys.stderr)  # noqa: T201 - the parent's only way to know
        return DOES_NOT_CONVERT
    return 0


if __name__ == "__main__":
    sys.exit(main())
