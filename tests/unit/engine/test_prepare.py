"""Converting once: what is kept, what is tried again, and two processes at once."""

import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from embeddings.engine import prepare
from embeddings.engine.card import ModelCard, read_card
from embeddings.engine.prepare import DOES_NOT_CONVERT, converted_folder, read_meta
from embeddings.engine.weights import write_json
from tests.unit.engine.model_folders import make_model_folder

FINGERPRINT = "0123456789abcdef"


class Conversions:
    """Stands in for the converter's process: counts its runs and ends as told."""

    def __init__(self) -> None:
        self.runs = 0
        self.status = 0
        self.graph = prepare.GRAPH
        self.seconds = 0.0
        self._lock = threading.Lock()

    def __call__(
        self, converter: str, card: ModelCard, destination: Path
    ) -> "subprocess.CompletedProcess[str]":
        with self._lock:
            self.runs += 1
        time.sleep(self.seconds)
        (destination / "model.xml").write_text("graph")
        if self.status == 0:
            write_json(destination / "meta.json", {"runtime": "openvino", "graph": self.graph})
        return subprocess.CompletedProcess([], self.status, "", "Traceback\nthe reason")


@pytest.fixture
def conversions(monkeypatch: pytest.MonkeyPatch) -> Conversions:
    stand_in = Conversions()
    monkeypatch.setattr(prepare, "_run_converter", stand_in)
    return stand_in


@pytest.fixture
def card(tmp_path: Path) -> ModelCard:
    return read_card("small", make_model_folder(tmp_path / "small"))


def test_it_works(conversions: Conversions, card: ModelCard, tmp_path: Path) -> None:
    models = tmp_path / "var" / "models"

    folders = [converted_folder(card, fingerprint=FINGERPRINT, models=models) for _ in range(2)]

    assert folders == [models / "small-0123456789ab"] * 2
    assert (models / "small-0123456789ab" / "model.xml").read_text() == "graph"
    assert conversions.runs == 1


def test_the_same_model_under_another_name_is_not_converted_again(
    conversions: Conversions, card: ModelCard, tmp_path: Path
) -> None:
    renamed = read_card("renamed", card.folder, source="small")

    folders = {
        converted_folder(each, fingerprint=FINGERPRINT, models=tmp_path / "models")
        for each in (card, renamed)
    }

    assert conversions.runs == len(folders) == 1


def test_a_model_that_does_not_convert_is_not_tried_again(
    conversions: Conversions, card: ModelCard, tmp_path: Path
) -> None:
    conversions.status = DOES_NOT_CONVERT

    for _ in range(2):
        assert converted_folder(card, fingerprint=FINGERPRINT, models=tmp_path) is None

    assert conversions.runs == 1
    assert read_meta(tmp_path / "small-0123456789ab")["reason"] == "the reason"


def test_it_is_tried_again_with_other_libraries(
    conversions: Conversions, card: ModelCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversions.status = DOES_NOT_CONVERT
    converted_folder(card, fingerprint=FINGERPRINT, models=tmp_path)
    monkeypatch.setattr(prepare, "_versions", lambda: {"openvino": "9999"})
    conversions.status = 0

    assert converted_folder(card, fingerprint=FINGERPRINT, models=tmp_path) is not None
    assert conversions.runs == 2


def test_what_an_older_version_converted_is_converted_again(
    conversions: Conversions, card: ModelCard, tmp_path: Path
) -> None:
    conversions.graph -= 1
    converted_folder(card, fingerprint=FINGERPRINT, models=tmp_path)
    conversions.graph += 1

    for _ in range(2):
        assert converted_folder(card, fingerprint=FINGERPRINT, models=tmp_path) is not None

    assert conversions.runs == 2


@pytest.mark.parametrize("status", [1, -9])
def test_a_converter_that_died_is_tried_again_and_leaves_nothing(
    conversions: Conversions, card: ModelCard, tmp_path: Path, status: int
) -> None:
    conversions.status = status
    models = tmp_path / "models"
    assert converted_folder(card, fingerprint=FINGERPRINT, models=models) is None
    assert [path.name for path in models.iterdir()] == [".small-0123456789ab.lock"]
    conversions.status = 0

    assert converted_folder(card, fingerprint=FINGERPRINT, models=models) is not None
    assert conversions.runs == 2


def test_what_a_killed_service_left_half_done_is_cleared(
    conversions: Conversions, card: ModelCard, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    (models / ".small-0123456789ab-abc.part" / "model").mkdir(parents=True)

    converted_folder(card, fingerprint=FINGERPRINT, models=models)

    assert sorted(path.name for path in models.iterdir()) == [
        ".small-0123456789ab.lock",
        "small-0123456789ab",
    ]


def test_those_who_come_together_convert_once(
    conversions: Conversions, card: ModelCard, tmp_path: Path
) -> None:
    conversions.seconds = 0.2

    with ThreadPoolExecutor(4) as threads:
        folders = list(
            threads.map(
                lambda _: converted_folder(card, fingerprint=FINGERPRINT, models=tmp_path), range(4)
            )
        )

    assert conversions.runs == 1
    assert set(folders) == {tmp_path / "small-0123456789ab"}
