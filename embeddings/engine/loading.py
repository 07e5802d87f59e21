"""Loads a model on the runtime that suits it and the machine."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import structlog

from embeddings.engine import hashing
from embeddings.engine.card import ModelCard
from embeddings.engine.catalog import declaration_of, find_model, models_folder
from embeddings.engine.interface import Embedder, EngineOptions, UnusableModel
from embeddings.engine.prepare import TOKENIZER_FILE, converted_folder, read_meta
from embeddings.engine.remote_models import load_remote

log = structlog.stdlib.get_logger("embeddings.engine")

NVIDIA_DEVICES = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
"""Linux and WSL: without one of these there is no need to import torch to look for CUDA."""


def load_embedder(
    name: str, options: EngineOptions, *, others: Callable[[str], Embedder] | None = None
) -> Embedder:
    """The model, ready to embed; the first time converts it, which takes seconds. `others` gives
    the embedder that a remote one falls back to, by its name.

    Raises UnknownModel, UnusableModel, EngineUnavailable.
    """
    declaration = declaration_of(name, options)
    if declaration is not None and declaration.provider == "remote":
        others = others or partial(load_embedder, options=options)
        fallback = partial(others, declaration.fallback) if declaration.fallback else None
        return load_remote(declaration, options, fallback=fallback)
    if name == hashing.NAME and declaration is None:
        return hashing.HashingEmbedder()
    found = find_model(name, options)
    options = replace(options, precision=found.precision)
    if has_cuda(options):
        return _on_pytorch(found.card, found.fingerprint, options, device="cuda")
    folder = converted_folder(found.card, fingerprint=found.graph, models=models_folder(options))
    if folder is None:
        return _on_pytorch(found.card, found.fingerprint, options, device="cpu")
    return _on_openvino(found.card, found.fingerprint, options, folder)


def has_cuda(options: EngineOptions) -> bool:
    """Whether models run on CUDA. Raises UnusableModel where they should and can't."""
    found = options.device != "cpu" and _finds_cuda(options)
    if options.precision == "float16" and not found:
        raise UnusableModel("The precision `float16` needs a CUDA device; `bfloat16` does not.")
    return found


def _finds_cuda(options: EngineOptions) -> bool:
    if options.device == "auto" and not any(path.exists() for path in NVIDIA_DEVICES):
        return False
    import torch  # heavy: a CPU service never imports it

    if torch.cuda.is_available():
        return True
    if options.device == "cuda":
        raise UnusableModel("The device is `cuda`, but PyTorch finds no CUDA device.")
    return False


def _on_openvino(
    card: ModelCard, fingerprint: str, options: EngineOptions, folder: Path
) -> Embedder:
    from tokenizers import Tokenizer  # heavy, like the runtime: not needed for hashing

    from embeddings.engine.openvino_runtime import OpenVinoRuntime
    from embeddings.engine.reading import Reader
    from embeddings.engine.transformer import TransformerEmbedder

    runtime = OpenVinoRuntime(
        folder,
        pad_id=read_meta(folder)["pad_id"],
        precision=options.precision,
        threads=options.threads,
        wide=True,
    )
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
    log.info("model_loaded", model=card.name, runtime="openvino", streams=runtime.streams)
    return TransformerEmbedder(
        card=card,
        fingerprint=fingerprint,
        reader=Reader(tokenizer, max_tokens=card.max_tokens),
        runtime=runtime,
        batch_tokens=options.batch_tokens,
        queue_tokens=options.queue_tokens,
    )


def _on_pytorch(
    card: ModelCard, fingerprint: str, options: EngineOptions, *, device: str
) -> Embedder:
    from embeddings.engine.pytorch_runtime import (
        PyTorchRuntime,
        fast_tokenizer,
        load_sentence_transformer,
    )
    from embeddings.engine.reading import Reader
    from embeddings.engine.transformer import TransformerEmbedder
    from embeddings.engine.verify import TOLERANCE, largest_difference

    model = load_sentence_transformer(card, device=device, precision=options.precision)
    embedder = TransformerEmbedder(
        card=card,
        fingerprint=fingerprint,
        reader=Reader(fast_tokenizer(model), max_tokens=card.max_tokens),
        runtime=PyTorchRuntime(model, threads=options.threads),
        batch_tokens=options.batch_tokens,
        queue_tokens=options.queue_tokens,
    )
    difference = largest_difference(model, card, embedder)
    if not difference <= TOLERANCE[options.precision]:  # so that NaN fails too
        embedder.close()
        raise UnusableModel(
            f"{card.folder}: read by its tokenizer.json, texts get other vectors than from"
            f" sentence-transformers (by {difference:.1e})."
        )
    log.info("model_loaded", model=card.name, runtime="pytorch", device=device)
    return embedder
