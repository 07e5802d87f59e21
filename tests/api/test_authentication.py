"""Which credential counts where a request could carry several kinds."""

import base64
import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.exceptions import InvalidToken
from accounts.models import Login, User
from accounts.services.jwt import refresh_login, start_login
from accounts.services.tokens import create_api_token
from tests.api.assertions import assert_error
from tests.factories import make_user
from tests.keys import write_key

OPAQUE = "9sYb2rTqLw0aZkXc8uVn4mJe7hGd1f"


@pytest.fixture(autouse=True)
def all_turned_on(settings: Any, tmp_path: Path) -> None:
    file = write_key(tmp_path / "key.pem")
    changes = {"jwt": True, "jwt_key_file": file, "oauth": True, "mtls": "proxy"}
    settings.EMBED = settings.EMBED.model_copy(update=changes)


def get(**headers: Any) -> Any:
    return APIClient().get("/v1/me", headers={"X-Request-Id": "same"}, **headers)


@pytest.mark.parametrize("on", [True, False])
def test_no_refusal_tells_what_is_turned_on(settings: Any, on: bool) -> None:
    if not on:
        changes = {"jwt": False, "oauth": False, "mtls": "off"}
        settings.EMBED = settings.EMBED.model_copy(update=changes)
    wrong = ["emb_x", "a.b.c", "e30.e30.e30", OPAQUE, "Basic YTpi", "Bearer", "Bearer a b"]
    answers = [get(HTTP_AUTHORIZATION=value) for value in wrong]
    for answer in answers:
        assert_error(answer, None, 401, code="invalid_token")
    assert len({(answer.content, repr(dict(answer.items()))) for answer in answers}) == 1


def test_two_that_differ_are_none(alice: User) -> None:
    _, token = create_api_token(user=alice, name="a")
    signed = start_login(user=alice).access
    assert get(HTTP_AUTHORIZATION=f"Bearer {token}", HTTP_X_API_KEY=token).status_code == 200
    assert get(HTTP_API_KEY=signed).status_code == 200
    for headers in (
        {"HTTP_AUTHORIZATION": f"Bearer {token}", "HTTP_X_API_KEY": signed},
        {"HTTP_X_API_KEY": token, "HTTP_API_KEY": signed},
        {"HTTP_AUTHORIZATION": f"Bearer {signed}, Bearer {token}"},
    ):
        assert_error(get(**headers), None, 401, code="invalid_token")


def test_none_counts_in_the_address(alice: User) -> None:
    signed = start_login(user=alice).access
    for name in ("access_token", "token", "jwt"):
        answer = APIClient().get("/v1/me", {name: signed})
        assert_error(answer, None, 401, code="not_authenticated")


def test_a_password_is_no_credential_of_a_request(alice: User) -> None:
    alice.set_password("secret")
    alice.save()
    basic = base64.b64encode(b"alice:secret").decode()
    assert_error(get(HTTP_AUTHORIZATION=f"Basic {basic}"), None, 401)


def test_a_session_of_the_console_is_none_here(alice: User) -> None:
    client = APIClient()
    client.force_login(alice)
    assert_error(client.get("/v1/me"), None, 401, code="not_authenticated")


def test_a_narrowed_login_mints_no_token(alice: User) -> None:
    body = {"name": "x"}
    for scopes, status in ((None, 201), (["tokens"], 403)):
        signed = start_login(user=alice, scopes=scopes).access  # type: ignore[arg-type]
        answer = APIClient().post("/v1/tokens", body, HTTP_AUTHORIZATION=f"Bearer {signed}")
        assert answer.status_code == status


@pytest.mark.django_db(transaction=True)
def test_of_two_refreshes_at_once_one_succeeds() -> None:
    token = start_login(user=make_user("dora")).refresh
    begin, done = threading.Barrier(6), []

    def refresh() -> None:
        begin.wait()
        try:
            done.append(bool(refresh_login(refresh_token=token)))
        except InvalidToken:
            done.append(False)
        finally:
            connection.close()

    threads = [threading.Thread(target=refresh) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False] * 5 + [True]
    # Nobody can say which of them was the thief.
    assert Login.objects.get().revoked_at is not None
