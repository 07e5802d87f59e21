"""How a process that `serve` starts gets its application."""

import gc
import threading

import pytest

from embedsite import web
from embedsite.wsgi import application


def test_it_loads_the_model_beside_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = threading.Event()
    monkeypatch.setattr(web, "preload", loaded.set)
    try:
        assert web.load() is application
        assert gc.isenabled()
        assert gc.get_freeze_count()
    finally:
        gc.unfreeze()
    assert loaded.wait(60)
