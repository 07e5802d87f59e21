"""Runs a converted model with OpenVINO; imports no torch."""

import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

# Importing openvino reports the import, and converting the model's kind, to Google Analytics unless
# the person opted out. None makes `import openvino_telemetry` fail, which openvino expects.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino  # noqa: E402 - only after its telemetry is off

from embeddings.engine.cores import usable_cores  # noqa: E402
from embeddings.engine.interface import Precision, RuntimeName  # noqa: E402
from embeddings.engine.memory import let_go_of  # noqa: E402

# openvino itself is imported from here, so that nobody imports it with its telemetry on.
__all__ = ["MODEL_FILE", "PRECISION_HINTS", "OpenVinoRuntime", "OpenVinoTokenRuntime", "openvino"]

# The first call fills a table of types under a lock, and lets go of the GIL meanwhile: two threads
# whose first runs meet there wait for each other for ever, and all of Python with them. While a
# module is imported, no other thread can be there.
openvino.Type.i64.to_dtype()

log = structlog.stdlib.get_logger("embeddings.engine")

MODEL_FILE = "model.xml"
WEIGHTS_FILE = "model.bin"
"""Beside it, as OpenVINO calls it."""

BEST_BATCH_TOKENS = 512
"""For each stream. Measured with MiniLM on 2 cores (2 MiB of L2 each), texts of 22, 92 and 239
tokens: 256 to 768 tokens are within noise of each other, 4,096 is 10 to 50 % slower."""

RUN_COST_TOKENS = 16
"""Measured with MiniLM: a run takes 2.5 ms, which is the time to read all weights, and 0.16 ms for
each token."""

MAX_STREAMS = 4
"""Streams of one thread each gave 10 % more texts/s than one stream of two threads and far better
medians beside other load, at 8 instead of 5.3 ms for a lone text of 16 tokens (29 and 19 ms for
128), which therefore has a stream of all threads to itself."""

WIDE_TOKENS = 128
"""The longest text that runs on all threads at once: a query. What is longer, or several texts, is
the beginning of bulk work, and the other streams are about to begin too: 5 % less of it a second.
"""

KEPT_SHAPES = 256
"""For so many shapes of batches each stream keeps what it made to run them, of every kind of layer;
0.15 MB a shape with MiniLM. OpenVINO's own bound is 5,000, more shapes than there are: memory grew
as long as new ones came. Making it anew takes 2 to 3 ms of CPU a run: a stream that met the 220 to
330 shapes of short texts took at most 1 % more with 256, 2 % with 128 and 4 % with 64.
"""

PRECISION_HINTS = {"float32": "f32", "bfloat16": "bf16"}


class _Compiled:
    """A compiled model and an infer request for each thread that runs it."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._own = threading.local()

    def request(self) -> Any:
        """The calling thread's."""
        request = getattr(self._own, "request", None)
        if request is None:
            request = self._own.request = self._model.create_infer_request()
        return request


class OpenVinoRuntime:
    """A model compiled for one thread in each stream, or few; with `wide`, once more for all
    threads at once, for the little that comes alone.
    """

    name: RuntimeName = "openvino"
    best_batch_tokens = BEST_BATCH_TOKENS
    run_cost_tokens = RUN_COST_TOKENS

    outputs = 1
    """How many of the graph's outputs are computed."""

    def __init__(
        self,
        folder: Path,
        *,
        pad_id: int,
        precision: Precision,
        threads: int,
        wide: bool = False,
    ) -> None:
        self.pad_id = pad_id
        threads = threads or usable_cores()
        self.streams = min(threads, MAX_STREAMS)
        core = openvino.Core()
        if precision == "bfloat16" and "BF16" not in _capabilities(core):
            log.warning(
                "bfloat16_emulated", reason="no bfloat16 on this processor; float32 is faster"
            )
        graph = core.read_model(folder / MODEL_FILE)
        for unwanted in graph.get_results()[self.outputs :]:
            graph.remove_result(unwanted)
        settings = _settings(precision, threads)
        compiled = partial(core.compile_model, graph, "CPU")
        self._narrow = _Compiled(compiled(settings | {"NUM_STREAMS": self.streams}))
        self._wide = self._narrow
        if wide and self.streams > 1:
            self._wide = _Compiled(compiled(settings | {"NUM_STREAMS": 1}))
        # Each has a copy of the weights in an order of its own; of the file, little is read again.
        let_go_of(folder / WEIGHTS_FILE)
        self._lock = threading.Lock()
        self._running = 0

    def run(
        self, ids: NDArray[np.int64], mask: NDArray[np.int64], **more: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """As Runtime.run, `more` being other inputs of the model by their names; lets other Python
        threads run meanwhile.
        """
        # The tensors are the request's own and are overwritten by its next run.
        vectors: NDArray[np.float32] = self._infer(ids, mask, more)[0].copy()
        return vectors

    def _infer(
        self, ids: NDArray[np.int64], mask: NDArray[np.int64], more: dict[str, NDArray[np.int64]]
    ) -> Any:
        inputs = {"input_ids": ids, "attention_mask": mask, **more}
        with self._lock:
            alone = not self._running
            self._running += 1
        try:
            is_lone = alone and len(ids) == 1 and ids.size <= WIDE_TOKENS
            model = self._wide if is_lone else self._narrow
            return model.request().infer(inputs, share_inputs=True)
        finally:
            with self._lock:
                self._running -= 1


class OpenVinoTokenRuntime(OpenVinoRuntime):
    """The same, with the vectors of the tokens."""

    outputs = 2

    def run_tokens(
        self, ids: NDArray[np.int64], mask: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """As TokenRuntime.run_tokens."""
        outputs = self._infer(ids, mask, {})
        return outputs[0].copy(), outputs[1].copy()


def _settings(precision: Precision, threads: int) -> dict[str, Any]:
    return {
        # Without the hint a processor with AMX silently computes float32 in bfloat16.
        "INFERENCE_PRECISION_HINT": PRECISION_HINTS[precision],
        "INFERENCE_NUM_THREADS": threads,
        # Several processes, and PostgreSQL, share the cores.
        "ENABLE_CPU_PINNING": False,
        "CPU_RUNTIME_CACHE_CAPACITY": KEPT_SHAPES,
    }


def _capabilities(core: Any) -> list[str]:
    found: list[str] = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return found
