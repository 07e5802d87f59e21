"""The options that change live: which they are, and what keeps one from changing."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from embedsite.config import Config
from embedsite.config_live import GROUPS, live_names
from embedsite.config_sources import Loaded
from embedsite.options import effective, markdown, with_live
from embedsite.serve import child_environment


def loaded(tmp_path: Path, **given: object) -> Loaded:
    config = Config(data_dir=tmp_path, **given)  # type: ignore[arg-type]
    origins = dict.fromkeys(Config.model_fields, "default")
    return Loaded(config, {**origins, **dict.fromkeys(given, "command line")})


def test_it_works(tmp_path: Path) -> None:
    shown = {
        entry["variable"]: (entry["value"], entry["origin"])
        for entry in effective(with_live(loaded(tmp_path), {"max_batch": 7}))
    }

    assert shown["EMBED_MAX_BATCH"] == (7, "live")
    assert shown["EMBED_MAX_TOP_K"] == (1000, "default")


def test_each_is_in_one_group_and_marked_in_the_table() -> None:
    names = live_names()
    assert (
        len(names) == len(set(names)) == sum(len(group.model_fields) for group in GROUPS.values())
    )
    marked = [line for line in markdown().splitlines() if line.endswith("*Live.* |")]
    assert len(marked) == len(names)


def test_what_serve_is_given_as_flags_is_locked_in_its_processes(tmp_path: Path) -> None:
    environment = child_environment(loaded(tmp_path, max_batch=7, port=81))
    assert environment["EMBED_LIVE_LOCKED"] == "max_batch"
    also = loaded(tmp_path, max_batch=7, live_locked=["log_level"])
    assert child_environment(also)["EMBED_LIVE_LOCKED"] == "log_level,max_batch"
    assert child_environment(loaded(tmp_path))["EMBED_LIVE_LOCKED"] == ""


def test_only_what_is_live_can_be_locked(tmp_path: Path) -> None:
    assert Config(data_dir=tmp_path, live_locked="*, max_batch").live_locked == ["*", "max_batch"]
    with pytest.raises(ValidationError, match="unlike port"):
        Config(data_dir=tmp_path, live_locked=["port"])
