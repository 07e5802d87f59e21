"""What sentence-transformers itself says, in a process of its own: tests never hold torch.

`python -m tests.unit.engine.peer FOLDER` makes tiny models in FOLDER/models and writes, for each of
them and for MiniLM, FOLDER/NAME.npz: the texts' vectors as `document` and as `query`.
"""

import os
import sys
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
)

from embeddings.engine.sources import shipped_folder
from tests.unit.engine.texts import TEXTS
from tests.unit.engine.tokenizers_for_tests import WORDS, small_tokenizer


def main(folder: Path) -> None:
    make(folder / "models")
    names = {"all-MiniLM-L6-v2": shipped_folder()}
    names |= {path.name: path for path in (folder / "models").glob("tiny-*")}
    for name, source in names.items():
        model = SentenceTransformer(str(source), device="cpu")
        document, query = model.encode_document(TEXTS), model.encode_query(TEXTS)
        np.savez(folder / f"{name}.npz", document=document, query=query)


def make(folder: Path) -> None:
    """Three tiny models with random weights, each odd in its own way."""
    torch.manual_seed(3)
    sizes: Any = {"vocab_size": len(WORDS), "hidden_size": 32, "intermediate_size": 64}
    layers: Any = {"num_hidden_layers": 2, "num_attention_heads": 4}
    bert = BertModel(BertConfig(**sizes, **layers, max_position_embeddings=40))
    roberta = RobertaModel(
        # Positions are counted from the padding's id: padding with another id would show.
        RobertaConfig(**sizes, **layers, max_position_embeddings=40, pad_token_id=1)
    )
    distilbert = DistilBertModel(  # takes no token types
        DistilBertConfig(
            vocab_size=len(WORDS), dim=32, hidden_dim=64, n_layers=2, n_heads=4, pad_token_id=0
        )
    )
    save(folder / "tiny-bert", bert, max_tokens=40, mode="mean", dense=True, normalize=True)
    save(folder / "tiny-roberta", roberta, max_tokens=36, mode="cls", pad="[UNK]", normalize=True)
    save(folder / "tiny-distilbert", distilbert, max_tokens=20, mode="max")


def save(
    folder: Path,
    model: PreTrainedModel,
    *,
    max_tokens: int,
    mode: str,
    pad: str = "[PAD]",
    dense: bool = False,
    normalize: bool = False,
) -> None:
    parts = folder.parent / f".{folder.name}"
    model.save_pretrained(parts)
    inputs = ["input_ids", "attention_mask"]
    if "distilbert" not in folder.name:
        inputs.insert(1, "token_type_ids")
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=small_tokenizer(),
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token=pad,
        model_input_names=inputs,
    ).save_pretrained(parts)
    modules: list[torch.nn.Module] = [
        Transformer(str(parts), max_seq_length=max_tokens),
        Pooling(32, mode),
    ]
    if dense:
        modules.append(Dense(32, 24))
    if normalize:
        modules.append(Normalize())
    prompts = {"query": "gamma gamma ", "document": "del "} if dense else None
    SentenceTransformer(modules=modules, prompts=prompts, device="cpu").save(str(folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
