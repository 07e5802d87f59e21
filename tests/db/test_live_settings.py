"""Options that change without a restart: set for all processes, recorded, and taken over."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.test import RequestFactory

from accounts.models import AuditEntry
from embeddings.cache import the_cache
from embeddings.exceptions import InvalidRequest
from embeddings.models import LiveSettings
from embeddings.services import live_following
from embeddings.services.live_following import follow_once, take_over
from embeddings.services.live_options import usable_options
from embeddings.services.live_settings import change_options, live_options
from embeddings.store import live_settings as store
from embedsite.config_live import live_names
from tests.log_capture import capture_logs

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _as_configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What one test takes over must not be there in the next."""
    level, config = logging.getLogger().level, django_settings.EMBED
    monkeypatch.setattr(live_following, "_followed", live_following._Followed())
    yield
    django_settings.EMBED = config
    django_settings.DATA_UPLOAD_MAX_MEMORY_SIZE = config.max_body_bytes
    logging.getLogger().setLevel(level)


def lock(settings: Any, **changes: Any) -> None:
    config = settings.LOADED.config.model_copy(update=changes)
    settings.LOADED = replace(settings.LOADED, config=config)


def test_it_works(django_capture_on_commit_callbacks: Any) -> None:
    before = django_settings.EMBED
    with django_capture_on_commit_callbacks(execute=True):
        assert change_options(changes={"max_batch": "7", "log_level": "WARNING"}) == [
            "max_batch",
            "log_level",
        ]

    assert django_settings.EMBED.max_batch == 7
    assert logging.getLogger().level == logging.WARNING
    # Whoever read the options before goes on with those, whole.
    assert before.max_batch == 1000
    option = next(each for each in live_options() if each.name == "max_batch")
    assert (option.value, option.source, option.configured) == (7, "live", 1000)
    assert (option.shape, option.low, option.high, option.group) == (
        "whole",
        1,
        100_000,
        "Requests",
    )


def test_each_change_is_recorded_with_what_was_there_before() -> None:
    change_options(changes={"recall_min": "0.9"})
    change_options(changes={"recall_min": 0.8, "cache_ttl_s": 60})
    assert change_options(changes={"recall_min": 0.8}) == []
    change_options(changes={"recall_min": None})

    entries = AuditEntry.objects.filter(object_type="setting", object_id="recall_min")
    assert list(entries.order_by("id").values_list("event", "before", "after")) == [
        ("setting.update", {"value": None}, {"value": 0.9}),
        ("setting.update", {"value": 0.9}, {"value": 0.8}),
        ("setting.reset", {"value": 0.8}, {"value": None}),
    ]
    assert LiveSettings.objects.get().options == {"cache_ttl_s": 60}


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("max_batch", "0", "greater than or equal to 1"),
        ("max_batch", "many", "valid integer"),
        ("recall_min", "nan", "less than or equal to 1"),
        ("import_max_bytes", "9" * 400, "less than or equal to 1099511627776"),
        ("index_threshold", "9" * 400, "less than or equal to 1000000000"),
        ("log_level", "LOUD", "'DEBUG', 'INFO'"),
        ("budget_alerts", "50,101", "percentages from 1 to 100"),
        ("secret_key", "k" * 50, "no option of that name"),
        ("port", "81", "no option of that name"),
    ],
)
def test_what_an_option_may_not_be_is_refused(name: str, value: str, says: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        change_options(changes={"cache_ttl_s": 60, name: value})

    assert refusal.value.param == name
    assert says in refusal.value.detail
    assert not LiveSettings.objects.exists()


def test_a_text_becomes_what_the_option_is() -> None:
    change_options(changes={"budget_alerts": "90, 50,50", "recall_min": "0.5", "max_chunks": "3"})

    assert LiveSettings.objects.get().options == {
        "budget_alerts": [50, 90],
        "recall_min": 0.5,
        "max_chunks": 3,
    }


def test_what_the_configuration_locks_stays(settings: Any) -> None:
    lock(settings, live_locked=["max_batch"])
    with pytest.raises(InvalidRequest, match="locks"):
        change_options(changes={"max_batch": 7})
    take_over({"max_batch": 7, "max_top_k": 5})
    assert (django_settings.EMBED.max_batch, django_settings.EMBED.max_top_k) == (1000, 5)

    lock(settings, live_locked=["*"])
    assert usable_options({"max_top_k": 5})[0] == {}
    assert all(option.is_locked for option in live_options())


def test_what_the_command_line_says_stays(settings: Any) -> None:
    origins = {**settings.LOADED.origins, "max_batch": "command line"}
    settings.LOADED = replace(settings.LOADED, origins=origins)

    assert usable_options({"max_batch": 7})[1] == {"max_batch": "The configuration locks it."}


def test_what_is_of_no_use_is_ignored_aloud() -> None:
    with capture_logs() as logs:
        take_over({"max_batch": "no number", "of_a_later_version": 1, "max_top_k": 5})
        take_over({"max_batch": "no number", "of_a_later_version": 1, "max_top_k": 5})

    ignored = logs.named("live_setting_ignored")
    assert [line["option"] for line in ignored] == ["max_batch", "of_a_later_version"]
    assert (django_settings.EMBED.max_batch, django_settings.EMBED.max_top_k) == (1000, 5)

    take_over(["no", "object"])
    assert django_settings.EMBED is django_settings.LOADED.config


def test_a_stale_option_can_be_taken_back() -> None:
    LiveSettings.objects.create(options={"of_an_old_version": 1, "max_batch": 0})

    option = next(each for each in live_options() if each.name == "max_batch")
    assert option.source == "default"
    assert "greater" in (option.refused or "")
    assert change_options(changes={"of_an_old_version": None, "max_batch": None}) == [
        "of_an_old_version",
        "max_batch",
    ]


def test_a_reader_that_puts_the_old_options_back_is_put_right() -> None:
    take_over({"max_batch": 7})
    django_settings.EMBED = django_settings.LOADED.config.model_copy()

    take_over({"max_batch": 7})

    assert django_settings.EMBED.max_batch == 7


def test_the_cache_has_the_room_that_is_set() -> None:
    cache = the_cache()
    cache.memory.set_many({bytes([number]): b"x" * 1_000_000 for number in range(40)})

    take_over({"cache_memory_mb": 10})

    entries, size = cache.memory.size
    assert 9 <= entries <= 10
    assert size <= 10 * 1024 * 1024
    assert list(cache.memory.get_many([bytes([0]), bytes([39])])) == [bytes([39])]
    take_over({"cache_memory_mb": 0})
    assert cache.memory.size == (0, 0)


def test_a_cache_that_is_made_during_the_change_has_the_new_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    the_cache.cache_clear()
    pass_on = live_following._pass_on

    def passed_on_too_early(config: Any) -> None:
        pass_on(config)
        the_cache()

    monkeypatch.setattr(live_following, "_pass_on", passed_on_too_early)
    take_over({"cache_memory_mb": 1})

    the_cache().memory.set_many({bytes([number]): b"x" * 100_000 for number in range(40)})
    assert the_cache().memory.size[1] <= 1024 * 1024


def test_a_form_may_be_as_large_as_is_set() -> None:
    body = b"a=" + b"x" * django_settings.EMBED.max_body_bytes
    take_over({"max_body_bytes": 2 * len(body)})

    kind = "application/x-www-form-urlencoded"
    request = RequestFactory().post("/admin/", body, content_type=kind)
    assert len(request.POST["a"]) == len(body) - 2


def test_without_the_table_a_command_goes_by_its_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read() -> object:
        raise psycopg.errors.UndefinedTable

    monkeypatch.setattr(store, "read_once", read)
    follow_once()

    assert django_settings.EMBED is django_settings.LOADED.config


def test_every_option_is_of_a_shape_that_people_can_enter() -> None:
    assert {option.name for option in live_options()} == set(live_names())


def test_the_command_sets_and_resets(capsys: Any) -> None:
    call_command("set_option", "EMBED_MAX_BATCH", "7")
    call_command("set_option", "max_batch", "7")
    call_command("set_option", "max_batch", "--reset")

    assert capsys.readouterr().out.splitlines() == [
        "max_batch is set to 7.",
        "max_batch was so already.",
        "max_batch is reset.",
    ]
    for arguments in (
        ["max_batch"],
        ["max_batch", "7", "--reset"],
        ["port", "1"],
        ["max_batch", "x"],
    ):
        with pytest.raises(CommandError):
            call_command("set_option", *arguments)
