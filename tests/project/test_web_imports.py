"""What importing the web layer costs."""

import subprocess
import sys

from embedsite.config import BASE_DIR

IMPORT = """
import sys
import embedsite.wsgi
from django.urls import get_resolver
get_resolver().url_patterns
heavy = {"torch", "transformers", "sentence_transformers", "openvino", "pyarrow", "scipy", "pytest"}
print(sorted(heavy & set(sys.modules)))
"""


def test_web_layer_imports_no_model_runtime() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT], cwd=BASE_DIR, capture_output=True, text=True, check=False
    )

    assert done.stdout.splitlines()[-1:] == ["[]"], done.stdout + done.stderr
