"""Other secrets, other peppers, and ends: nobody is locked out too early, or let in too late."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pydantic import SecretStr

from accounts import token_format
from accounts.models import ApiToken
from accounts.services import verified_tokens
from accounts.services.tokens import revoke_api_token, rotate_api_token
from accounts.services.verified_tokens import forget_verified_tokens, verify_api_token
from tests.db.token_checks import Clock, made, refused
from tests.factories import make_user
from tests.statements import recorded_statements

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_rotation_with_overlap(clock: Clock) -> None:
    user = make_user()
    token, old = made(user)
    verify_api_token(old)
    _, new = rotate_api_token(token=token, by=user.as_principal(), overlap=timedelta(hours=1))
    assert (new[:17], new != old) == (old[:17], True)
    for plaintext in (old, new):
        assert verify_api_token(plaintext) == token
    ApiToken.objects.update(previous_until=timezone.now() + timedelta(seconds=0.3))
    forget_verified_tokens()
    verify_api_token(old)
    clock.now += 0.3
    ApiToken.objects.update(previous_until=timezone.now())
    assert refused(old)
    assert not refused(new)


def test_a_second_rotation_ends_the_first_secret() -> None:
    user = make_user()
    token, first = made(user)
    second, third = (
        rotate_api_token(token=token, by=user.as_principal(), overlap=timedelta(hours=1))[1]
        for _ in range(2)
    )
    assert [refused(plaintext) for plaintext in (first, second, third)] == [True, False, False]


def test_a_token_ends_with_its_minter_whose_end_came_nearer(clock: Clock) -> None:
    user = make_user()
    minter, _ = made(user)
    token, plaintext = made(user, minted_by=minter.as_principal())
    soon = timezone.now() + timedelta(seconds=0.3)
    rotate_api_token(token=minter, by=user.as_principal(), overlap=timedelta(), expires_at=soon)
    assert verify_api_token(plaintext) == token
    clock.now += 0.3  # trusted no longer than that
    ApiToken.objects.filter(pk=minter.pk).update(expires_at=timezone.now())
    assert refused(plaintext)


@contextmanager
def peppered(settings: Any, **peppers: str) -> Iterator[None]:
    before = settings.EMBED
    secret = {name: SecretStr(value) for name, value in peppers.items()}
    settings.EMBED = before.model_copy(update=secret)
    forget_verified_tokens()
    yield
    settings.EMBED = before
    forget_verified_tokens()


def test_the_pepper_is_rotated_without_a_new_token(settings: Any, clock: Clock) -> None:
    with peppered(settings, token_pepper="one"):
        token, plaintext = made()
        unused, other = made()
    with peppered(settings, token_pepper="two"):
        assert refused(plaintext)
    with peppered(settings, token_pepper="two", token_pepper_previous="one"):
        assert verify_api_token(plaintext) == token
        before, token = token, ApiToken.objects.get(pk=token.pk)
        assert (token.digest, token.pepper_id) != (before.digest, before.pepper_id)
        assert token.pepper_id == token_format.pepper_id() != unused.pepper_id
        with recorded_statements() as statements:
            verify_api_token(plaintext)
        assert statements == []
    with peppered(settings, token_pepper="two"):
        assert verify_api_token(plaintext) == token
        assert refused(other)


def test_the_secret_key_can_be_the_pepper_before(settings: Any) -> None:
    key = settings.EMBED.secret_key.get_secret_value()
    _, plaintext = made()
    with peppered(settings, token_pepper="new", token_pepper_previous=key):
        assert not refused(plaintext)


def test_a_renewal_never_undoes_a_rotation(settings: Any) -> None:
    user = make_user()
    with peppered(settings, token_pepper="one"):
        token, _ = made(user)
    with peppered(settings, token_pepper="two", token_pepper_previous="one"):
        stale = ApiToken.objects.get(pk=token.pk)
        _, new = rotate_api_token(token=token, by=user.as_principal(), overlap=timedelta(0))
        verified_tokens._renew(stale, b"x" * 32)
        assert not refused(new)


@pytest.mark.django_db(transaction=True)
def test_nobody_is_let_in_after_a_revocation_under_load() -> None:
    """In this process at once, also where a thread read the token just before it ended."""
    token, plaintext = made()
    revoked, stop = threading.Event(), threading.Event()
    wrong: list[str] = []

    def hammer() -> None:
        try:
            while not stop.is_set():
                was_revoked = revoked.is_set()
                if was_revoked and not refused(plaintext):
                    wrong.append("let in")
                elif not was_revoked and refused(plaintext) and not started.is_set():
                    wrong.append("refused before")
        finally:
            connection.close()

    started = threading.Event()
    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        forget_verified_tokens()  # so that there is always somebody who is just asking
    started.set()
    revoke_api_token(token=token)
    revoked.set()
    stop.wait(0.3)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.django_db(transaction=True)
def test_what_is_being_minted_ends_with_its_minter() -> None:
    """The revocation waits for it, and finds it."""
    user = make_user()
    parent, _ = made(user)
    minted = threading.Event()

    def mint() -> None:
        try:
            with transaction.atomic():
                made(user, minted_by=user.as_principal(token_id=parent.pk))
                minted.set()
                time.sleep(0.3)
        finally:
            connection.close()

    thread = threading.Thread(target=mint)
    thread.start()
    assert minted.wait(60)
    assert revoke_api_token(token=parent) == 2
    thread.join()
    assert not ApiToken.objects.live().exists()
