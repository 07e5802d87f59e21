"""Loads a reranker on the runtime that suits it and the machine."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import structlog

from embeddings.engine.card import ModelCard
from embeddings.engine.catalog import LocalModel, declaration_of, find_model, models_folder
from embeddings.engine.interface import EngineOptions, Reranker, UnusableModel
from embeddings.engine.loading import has_cuda
from embeddings.engine.prepare import (
    EMBEDDER,
    RERANKER,
    TOKENIZER_FILE,
    converted_folder,
    read_meta,
)
from embeddings.engine.reranker_card import is_cross_encoder

log = structlog.stdlib.get_logger("embeddings.engine")


def load_reranker(
    name: str, options: EngineOptions, *, others: Callable[[str], Reranker] | None = None
) -> Reranker:
    """The reranker, ready to score; the first time converts it, which takes seconds. A remote one's
    fallback is got from `others`.

    Raises UnknownModel, UnusableModel.
    """
    declaration = declaration_of(name, options)
    if declaration is not None and declaration.provider == "remote":
        from embeddings.engine.reranker_remote import remote_reranker

        others = others or partial(load_reranker, options=options)
        fallback = partial(others, declaration.fallback) if declaration.fallback else None
        return remote_reranker(declaration, options.remote, fallback=fallback)
    found = find_model(name, options, kind="reranker")
    options = replace(options, precision=found.precision)
    reads_pairs = is_cross_encoder(found.card)
    reranker = _cross_encoder(found, options) if reads_pairs else _late_interaction(found, options)
    log.info("reranker_loaded", model=name, runtime=reranker.runtime, reads_pairs=reads_pairs)
    return reranker


def _cross_encoder(found: LocalModel, options: EngineOptions) -> Reranker:
    folder = _converted(found, options, RERANKER)
    if folder is None:
        return _cross_encoder_on_pytorch(found.card, options)
    from tokenizers import Tokenizer  # heavy, like the runtime: not needed for what is remote

    from embeddings.engine.openvino_runtime import OpenVinoRuntime
    from embeddings.engine.pairs import PairReader
    from embeddings.engine.reranker import CrossEncoder

    meta = read_meta(folder)
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
    return CrossEncoder(
        name=found.card.name,
        max_tokens=found.card.max_tokens,
        reader=PairReader(tokenizer, max_tokens=found.card.max_tokens),
        runtime=OpenVinoRuntime(
            folder,
            pad_id=meta["pad_id"],
            precision=options.precision,
            threads=options.threads,
        ),
        takes_types=meta["takes_types"],
        batch_tokens=options.batch_tokens,
    )


def _cross_encoder_on_pytorch(card: ModelCard, options: EngineOptions) -> Reranker:
    from embeddings.engine.pairs import PairReader
    from embeddings.engine.reranker import CrossEncoder
    from embeddings.engine.reranker_pytorch import (
        TOLERANCE,
        PyTorchPairRuntime,
        largest_difference,
        load_cross_encoder,
        pair_tokenizer,
        takes_types,
    )

    device = "cuda" if has_cuda(options) else "cpu"
    model = load_cross_encoder(card, device=device, precision=options.precision)
    reranker = CrossEncoder(
        name=card.name,
        max_tokens=card.max_tokens,
        reader=PairReader(pair_tokenizer(model), max_tokens=card.max_tokens),
        runtime=PyTorchPairRuntime(model, threads=options.threads),
        takes_types=takes_types(model),
        batch_tokens=options.batch_tokens,
    )
    difference = largest_difference(model, reranker)
    if not difference <= TOLERANCE[options.precision]:  # so that NaN fails too
        reranker.close()
        raise UnusableModel(
            f"{card.folder}: read by its tokenizer.json, pairs get other logits than from"
            f" sentence-transformers (by {difference:.1e})."
        )
    return reranker


def _late_interaction(found: LocalModel, options: EngineOptions) -> Reranker:
    from embeddings.engine.late_interaction import LateInteraction, TokenRuntime
    from embeddings.engine.reading import Reader

    folder = _converted(found, options, EMBEDDER)
    runtime: TokenRuntime
    if folder is None:
        from embeddings.engine.pytorch_runtime import (
            PyTorchRuntime,
            fast_tokenizer,
            load_sentence_transformer,
        )

        device = "cuda" if has_cuda(options) else "cpu"
        model = load_sentence_transformer(found.card, device=device, precision=options.precision)
        tokenizer = fast_tokenizer(model)
        runtime = PyTorchRuntime(model, threads=options.threads)
    else:
        from tokenizers import Tokenizer

        from embeddings.engine.openvino_runtime import OpenVinoTokenRuntime

        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        runtime = OpenVinoTokenRuntime(
            folder,
            pad_id=read_meta(folder)["pad_id"],
            precision=options.precision,
            threads=options.threads,
        )
    return LateInteraction(
        name=found.card.name,
        max_tokens=found.card.max_tokens,
        reader=Reader(tokenizer, max_tokens=found.card.max_tokens),
        runtime=runtime,
        prompts=found.card.prompts,
        batch_tokens=options.batch_tokens,
    )


def _converted(found: LocalModel, options: EngineOptions, converter: str) -> Path | None:
    """The model's folder for OpenVINO; None where it runs on PyTorch."""
    if has_cuda(options):
        return None
    models = models_folder(options)
    return converted_folder(found.card, fingerprint=found.graph, models=models, converter=converter)
