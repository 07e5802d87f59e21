"""A model as a script would run it at best: OpenVINO's own asynchronous queue, batches cut by token
budget from the sorted texts, a lone one on all cores at once, and nothing else.

What the service is measured against; it shares no code with the engine's own queue.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from embeddings.engine.catalog import find_model, models_folder
from embeddings.engine.cores import usable_cores
from embeddings.engine.interface import EngineOptions, UnusableModel
from embeddings.engine.openvino_runtime import MODEL_FILE, PRECISION_HINTS, openvino
from embeddings.engine.prepare import TOKENIZER_FILE, converted_folder, read_meta

BATCH_TOKENS = 512
"""The best of 256, 512, 1,024 and 4,096 on the development machine, by up to half."""


class BareLoop:
    """Tokenizes, sorts, cuts and runs; for one thread."""

    def __init__(self, name: str, options: EngineOptions) -> None:
        """Raises UnknownModel, and UnusableModel for what OpenVINO does not run."""
        found = find_model(name, options)
        folder = converted_folder(
            found.card, fingerprint=found.graph, models=models_folder(options)
        )
        if folder is None:
            raise UnusableModel(f"{name} does not run on OpenVINO.")
        # The tokenizer says so itself when it is used before a fork, which happens to nobody here.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
        self._prompt = found.card.prompts["document"]
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(found.card.max_tokens)
        self._pad_id = int(read_meta(folder)["pad_id"])
        threads = options.threads or usable_cores()
        settings = {
            "INFERENCE_PRECISION_HINT": PRECISION_HINTS[found.precision],
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,
        }
        self._many, self._lone = (
            self._queue(folder / MODEL_FILE, settings, streams) for streams in (threads, 1)
        )
        self._vectors = np.empty((0, found.card.dimensions), dtype=np.float32)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The texts' vectors as documents, float32 `(n, dimensions)`."""
        encodings = self._tokenizer.encode_batch([self._prompt + text for text in texts])
        ids = [encoding.ids for encoding in encodings]
        self._vectors = np.empty((len(ids), self._vectors.shape[1]), dtype=np.float32)
        requests = self._lone if len(ids) == 1 else self._many
        order = sorted(range(len(ids)), key=lambda row: -len(ids[row]))
        while order:
            width = len(ids[order[0]])
            rows = order[: max(1, BATCH_TOKENS // width)]
            order = order[len(rows) :]
            padded = np.full((len(rows), width), self._pad_id, dtype=np.int64)
            mask = np.zeros((len(rows), width), dtype=np.int64)
            for line, row in enumerate(rows):
                padded[line, : len(ids[row])] = ids[row]
                mask[line, : len(ids[row])] = 1
            requests.start_async({"input_ids": padded, "attention_mask": mask}, rows)
        requests.wait_all()
        return self._vectors

    def _queue(
        self, graph: Path, settings: dict[str, Any], streams: int
    ) -> "openvino.AsyncInferQueue":
        model = openvino.Core().compile_model(graph, "CPU", settings | {"NUM_STREAMS": streams})
        queue = openvino.AsyncInferQueue(model, streams)
        queue.set_callback(self._take)
        return queue

    def _take(self, request: "openvino.InferRequest", rows: list[int]) -> None:
        self._vectors[rows] = request.get_output_tensor(0).data
