"""What sentence-transformers' CrossEncoder itself says, in a process of its own.

`python -m tests.unit.engine.reranker_peer FOLDER` makes tiny cross-encoders in FOLDER/rerankers and
writes, for each, FOLDER/NAME.npz: scores and logits `(queries, texts)`; and for MiniLM the unit
vectors of the texts and of their tokens, FOLDER/tokens.npz.
"""

import os
import sys
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
from sentence_transformers import CrossEncoder, SentenceTransformer
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from embeddings.engine.sources import shipped_folder
from tests.unit.engine.texts import RERANK_QUERIES, RERANK_TEXTS
from tests.unit.engine.tokenizers_for_tests import WORDS, pair_tokenizer


def main(folder: Path) -> None:
    make(folder / "rerankers")
    for source in (folder / "rerankers").glob("tiny-*"):
        model: Any = CrossEncoder(str(source), device="cpu")
        pairs = [(query, text) for query in RERANK_QUERIES for text in RERANK_TEXTS]
        logits = model.predict(pairs, activation_fn=torch.nn.Identity())
        shape = (len(RERANK_QUERIES), len(RERANK_TEXTS))
        scores = model.predict(pairs).reshape(shape)
        np.savez(folder / f"{source.name}.npz", scores=scores, logits=logits.reshape(shape))
    minilm = SentenceTransformer(str(shipped_folder()), device="cpu")
    minilm.max_seq_length = 256
    arrays: dict[str, Any] = {}
    for kind, texts in (("query", RERANK_QUERIES), ("text", RERANK_TEXTS)):
        arrays[f"{kind}-vectors"] = minilm.encode(texts)
        for index, each in enumerate(minilm.encode(texts, output_value="token_embeddings")):
            arrays[f"{kind}{index}"] = torch.nn.functional.normalize(each, dim=-1).numpy()
    np.savez(folder / "tokens.npz", **arrays)


def make(folder: Path) -> None:
    """Two tiny models with random weights: one with token types, one without, in the layouts of
    transformers and of sentence-transformers.
    """
    torch.manual_seed(3)
    sizes: Any = {"vocab_size": len(WORDS), "hidden_size": 32, "intermediate_size": 64}
    # Larger weights than usual, so that different pairs get clearly different logits.
    layers: Any = {
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "initializer_range": 0.3,
        "num_labels": 1,
    }
    bert = BertForSequenceClassification(BertConfig(**sizes, **layers, max_position_embeddings=40))
    save(folder / "tiny-bert-judge", bert, pair="[CLS] $A [SEP] $B:1 [SEP]:1", types=True)
    roberta = RobertaForSequenceClassification(
        # Positions are counted from the padding's id: padding with another id would show.
        RobertaConfig(**sizes, **layers, max_position_embeddings=40, pad_token_id=1)
    )
    parts = folder / ".parts"
    save(parts, roberta, pair="[CLS] $A [SEP] [SEP] $B [SEP]", pad="[UNK]", max_tokens=33)
    CrossEncoder(str(parts), device="cpu").save_pretrained(str(folder / "tiny-roberta-judge"))


def save(
    folder: Path,
    model: PreTrainedModel,
    *,
    pair: str,
    pad: str = "[PAD]",
    types: bool = False,
    max_tokens: int = 40,
) -> None:
    model.save_pretrained(folder)
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=pair_tokenizer(pair),
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token=pad,
        model_max_length=max_tokens,
        model_input_names=["input_ids", *["token_type_ids"] * types, "attention_mask"],
    ).save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
