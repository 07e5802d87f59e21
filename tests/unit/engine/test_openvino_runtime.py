"""What OpenVINO needs of us besides a model."""

import pytest

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
