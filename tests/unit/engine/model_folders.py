"""A sentence-transformers folder as its JSON files, with weights that are only bytes."""

import json
from pathlib import Path
from typing import Any

from tests.unit.engine.tokenizers_for_tests import small_tokenizer

ST = "sentence_transformers.models"


def make_model_folder(folder: Path, **files: Any) -> Path:
    """The folder with a 32-dimensional BERT, mean pooling and normalisation; `files` replaces JSON
    files by their names up to the dot, `/` spelled `__`.
    """
    contents: dict[str, Any] = {
        "modules": [
            {"idx": 0, "name": "0", "path": "", "type": f"{ST}.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{ST}.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": f"{ST}.Normalize"},
        ],
        "config": {"model_type": "bert", "hidden_size": 32, "max_position_embeddings": 64},
        "sentence_bert_config": {"max_seq_length": 16},
        "1_Pooling__config": {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True},
        **files,
    }
    for name, content in contents.items():
        path = folder / f"{name.replace('__', '/')}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    small_tokenizer().save(str(folder / "tokenizer.json"))
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder
