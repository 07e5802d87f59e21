"""The options that change without a restart, in the console."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from embeddings.models import LiveSettings
from embeddings.services import live_following
from embeddings.services.live_settings import change_options
from embedsite.config_live import live_names
from tests.admin.conftest import queries_of

PAGE = reverse("admin:settings")


@pytest.fixture(autouse=True)
def _as_configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    config = django_settings.EMBED
    monkeypatch.setattr(live_following, "_followed", live_following._Followed())
    yield
    django_settings.EMBED = config


def asked(client: Client, **values: Any) -> dict[str, str]:
    """What the page that asks would post."""
    page = client.post(PAGE, values).content.decode()
    assert "Change settings?" in page, page
    return dict(re.findall(r'<input type="hidden" name="(?!csrf)(\w+)" value="([^"]*)"', page))


def stored() -> dict[str, Any]:
    row = LiveSettings.objects.first()
    return row.options if row else {}


def test_it_works(as_operator: Client, django_capture_on_commit_callbacks: Any) -> None:
    question = as_operator.post(PAGE, {"group": "Requests", "max_batch": "7", "max_top_k": "1000"})
    assert "max_batch: 1,000 → 7" in question.content.decode()
    assert "max_top_k" not in question.content.decode()
    assert stored() == {}

    confirmed = asked(as_operator, group="Requests", max_batch="7", max_top_k="1000")
    with django_capture_on_commit_callbacks(execute=True):
        done = as_operator.post(PAGE, confirmed, follow=True)

    assert done.redirect_chain == [(PAGE, 302)]
    assert "Changed: max_batch." in done.content.decode()
    assert stored() == {"max_batch": 7}
    assert django_settings.EMBED.max_batch == 7
    entry = AuditEntry.objects.get(event="setting.update")
    assert (entry.username, entry.after) == ("bob", {"value": 7})


def test_every_option_is_there_with_its_rule_and_its_source(as_admin: Client) -> None:
    change_options(changes={"recall_min": 0.5})

    page = as_admin.get(PAGE).content.decode()

    for name in live_names():
        assert f'<label for="option_{name}">{name}</label>' in page
    assert 'min="0" max="1" step="any"' in re.sub(r"\s+", " ", page)
    row = page.split('for="option_recall_min"')[1].split("settings-option")[0]
    assert 'value="0.5"' in row
    assert "configured: 0.95" in row
    assert "is-live" in row
    assert "2,592,000 (30 days)" in page
    assert "16,777,216 (16 MiB)" in page


def test_what_is_wrong_is_said_beside_the_option(as_operator: Client) -> None:
    values = {"group": "Requests", "max_batch": "0", "max_top_k": "7"}
    page = as_operator.post(PAGE, values).content.decode()

    row = page.split('for="option_max_batch"')[1].split("settings-option")[0]
    assert "greater than or equal to 1" in row
    # What else was entered is still there.
    assert 'value="7"' in page.split('for="option_max_top_k"')[1].split("settings-option")[0]
    assert stored() == {}


def test_an_option_is_reset_to_what_is_configured(as_operator: Client) -> None:
    change_options(changes={"cache_ttl_s": 60, "max_batch": 7})

    question = asked(as_operator, group="Cache", reset="cache_ttl_s")
    assert question["reset"] == "cache_ttl_s"
    as_operator.post(PAGE, question)

    assert stored() == {"max_batch": 7}
    page = as_operator.get(PAGE).content.decode()
    history = page.split('id="changes"')[1]
    assert "<code>cache_ttl_s</code>" in history
    assert "as configured" in history


def test_nothing_new_changes_nothing(as_operator: Client) -> None:
    done = as_operator.post(PAGE, {"group": "Operation", "log_level": "INFO"}, follow=True)

    assert "Nothing was changed." in done.content.decode()
    assert as_operator.post(PAGE, {"group": "Secrets"}).status_code == 302
    assert stored() == {}


def test_a_locked_option_stays(as_admin: Client, settings: Any) -> None:
    config = settings.LOADED.config.model_copy(update={"live_locked": ["max_batch"]})
    settings.LOADED = replace(settings.LOADED, config=config)

    page = as_admin.get(PAGE).content.decode()
    assert "disabled" in page.split('for="option_max_batch"')[1].split("settings-option")[0]
    values = {"group": "Requests", "max_batch": "7", "confirmed": "yes"}
    assert as_admin.post(PAGE, values, follow=True).status_code == 200
    assert stored() == {}


def test_what_is_stored_by_hand_is_shown_harmless(as_admin: Client) -> None:
    LiveSettings.objects.create(options={"log_level": "<script>alert(1)</script>"})

    page = as_admin.get(PAGE).content.decode()

    assert "<script>alert(1)" not in page
    assert "What is set live is ignored" in page


def test_members_have_no_settings(as_member: Client) -> None:
    assert as_member.get(PAGE).status_code == 403
    assert as_member.post(PAGE, {"group": "Requests", "max_batch": "7"}).status_code == 403


def test_the_page_takes_few_queries(as_operator: Client) -> None:
    as_operator.get(PAGE)
    change_options(changes=dict.fromkeys(["max_batch", "max_top_k", "max_chunks"], 7))

    assert len(queries_of(as_operator, PAGE)) <= 7
