"""What OpenVINO needs of us besides a model."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from embeddings.engine import EngineOptions
from embeddings.engine.catalog import find_model, models_folder
from embeddings.engine.prepare import converted_folder
from embeddings.engine.sources import MINILM
from tests.unit.engine.conftest import run_python

FIRST_CALLS = """
import faulthandler, sys, threading
faulthandler.dump_traceback_later(200, exit=True)
from embeddings.engine.openvino_runtime import openvino
sys.setswitchinterval(1e-6)
barrier = threading.Barrier(4)
def first_call():
    barrier.wait()
    openvino.Type.i64.to_dtype()
threads = [threading.Thread(target=first_call, daemon=True) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("ok")
"""


@pytest.mark.model
def test_first_runs_that_meet_do_not_wait_for_each_other_for_ever() -> None:
    """Without our care, more than a third of these processes hang."""
    for _ in range(4):
        assert run_python("-c", FIRST_CALLS).splitlines() == ["ok"]


@pytest.fixture
def runtime(real_options: EngineOptions) -> Any:
    from embeddings.engine.openvino_runtime import OpenVinoRuntime

    found = find_model(MINILM, real_options)
    folder = converted_folder(
        found.card, fingerprint=found.graph, models=models_folder(real_options)
    )
    assert folder is not None
    return OpenVinoRuntime(folder, pad_id=0, precision="float32", threads=2, wide=True)


@pytest.mark.model
def test_only_a_short_text_that_comes_alone_runs_on_all_threads(
    runtime: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[str] = []
    short = np.arange(2000, 2064).reshape(1, -1)
    several = np.repeat(short, 2, axis=0)

    def note(name: str, request: Callable[[], Any]) -> Any:
        used.append(name)
        if len(used) == 1:  # while the first one is at it
            runtime.run(short, np.ones_like(short))
        return request()

    for name in ("_wide", "_narrow"):
        model = getattr(runtime, name)
        monkeypatch.setattr(model, "request", partial(note, name, model.request))

    alone = runtime.run(short, np.ones_like(short))
    assert used == ["_wide", "_narrow"]

    both = runtime.run(several, np.ones_like(several))
    assert used == ["_wide", "_narrow", "_narrow"]
    np.testing.assert_allclose(both, np.repeat(alone, 2, axis=0), atol=1e-5)

    runtime.run(short, np.ones_like(short))
    assert used[-1] == "_wide"
