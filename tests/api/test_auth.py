"""Signed tokens of our own: given for a password, renewed once each, taken back."""

import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from rest_framework.test import APIClient

from accounts import jose
from accounts.exceptions import InvalidToken
from accounts.models import Login, User
from accounts.models.audit import AuditEntry
from accounts.services.callers import Caller, forget_callers, recognise
from accounts.services.jwt import verify_jwt
from tests.api.assertions import assert_error
from tests.keys import forged, write_key
from tests.statements import recorded_statements

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def key_file(settings: Any, tmp_path: Path) -> Path:
    file = write_key(tmp_path / "key.pem")
    settings.EMBED = settings.EMBED.model_copy(update={"jwt": True, "jwt_key_file": file})
    return file


@pytest.fixture
def person(alice: User) -> User:
    """Alice, with a password."""
    alice.set_password(PASSWORD)
    alice.save(update_fields=["password"])
    return alice


def log_in(client: APIClient, **changes: Any) -> Any:
    body = {"username": "alice", "password": PASSWORD, **changes}
    return client.post("/v1/auth/token", body)


def me(token: str) -> Any:
    return APIClient().get("/v1/collection", HTTP_AUTHORIZATION=f"Bearer {token}")


def refresh(token: str) -> Any:
    return APIClient().post("/v1/auth/refresh", {"refresh_token": token})


def log_out(token: str) -> Any:
    return APIClient().post("/v1/auth/logout", {"refresh_token": token})


def test_it_works(stranger: APIClient, person: User) -> None:
    answer = log_in(stranger)
    assert answer.status_code == 200
    tokens = answer.json()
    assert (tokens["token_type"], tokens["expires_in"], tokens["scopes"]) == ("Bearer", 300, None)
    assert me(tokens["access_token"]).status_code == 200
    person.refresh_from_db()
    assert person.last_login is not None


def test_scopes_narrow_the_tokens(stranger: APIClient, person: User) -> None:
    first = log_in(stranger, scopes=["search"]).json()
    assert_error(me(first["access_token"]), None, 403)
    again = refresh(first["refresh_token"]).json()
    assert again["scopes"] == ["search"]
    assert_error(me(again["access_token"]), None, 403)


def test_every_refusal_of_a_login_is_the_same(stranger: APIClient, person: User) -> None:
    User.objects.create_user("idle", password=PASSWORD, is_active=False)
    refused = [
        log_in(stranger, **changes)
        for changes in ({"password": "wrong"}, {"username": "nobody"}, {"username": "idle"})
    ]
    for answer in refused:
        assert_error(answer, None, 401, code="invalid_login")
    assert len({answer.json()["detail"] for answer in refused}) == 1


def test_a_refresh_token_is_good_once(stranger: APIClient, person: User) -> None:
    first = log_in(stranger).json()
    second = refresh(first["refresh_token"]).json()
    assert me(second["access_token"]).status_code == 200
    assert_error(refresh(first["refresh_token"]), None, 401)
    # It came back, so that somebody has a copy: the whole login is over.
    forget_callers()
    assert_error(me(second["access_token"]), None, 401)
    assert_error(refresh(second["refresh_token"]), None, 401)
    assert Login.objects.get().revoked_at is not None


def test_logging_out_ends_every_token_of_the_login(stranger: APIClient, person: User) -> None:
    first, other = log_in(stranger).json(), log_in(stranger).json()
    assert me(first["access_token"]).status_code == 200
    assert log_out(first["refresh_token"]).status_code == 204
    assert_error(refresh(first["refresh_token"]), None, 401)
    forget_callers()
    assert_error(me(first["access_token"]), None, 401)
    assert me(other["access_token"]).status_code == 200


def test_a_new_password_ends_every_login(stranger: APIClient, person: User) -> None:
    tokens = log_in(stranger).json()
    person.set_password("another one")
    person.save(update_fields=["password"])
    assert_error(me(tokens["access_token"]), None, 401)
    assert_error(refresh(tokens["refresh_token"]), None, 401)


def test_a_deactivated_user_is_refused(stranger: APIClient, person: User) -> None:
    tokens = log_in(stranger).json()
    person.is_active = False
    person.save(update_fields=["is_active"])
    assert_error(me(tokens["access_token"]), None, 401)
    assert_error(refresh(tokens["refresh_token"]), None, 401)


def test_neither_token_is_the_other(stranger: APIClient, person: User) -> None:
    tokens = log_in(stranger).json()
    assert_error(me(tokens["refresh_token"]), None, 401)
    assert_error(refresh(tokens["access_token"]), None, 401)


def test_an_access_token_lives_as_long_as_it_says(
    stranger: APIClient, person: User, settings: Any
) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"jwt_access_s": 1})
    token = log_in(stranger).json()["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 1
    time.sleep(max(0, claims["exp"] - time.time()))
    assert_error(me(token), None, 401)


def test_what_was_trusted_a_moment_ago_ends_in_time(stranger: APIClient, person: User) -> None:
    ended = Caller(person, person.as_principal(), "jwt", expires_at=time.time())
    assert recognise(kind="jwt", proof=b"a", verify=lambda: ended) is ended
    with pytest.raises(InvalidToken):
        recognise(kind="jwt", proof=b"a", verify=lambda: verify_jwt(token="a.b.c"))


@pytest.mark.parametrize(
    "forge",
    [
        lambda token, key: token[:-4] + ("aaaa" if token[-4:] != "aaaa" else "bbbb"),
        lambda token, key: forged(token, key=None, algorithm="none"),
        lambda token, key: forged(token, key=key, algorithm="EdDSA"),
        lambda token, key: forged(token, key=key, algorithm="EdDSA", kid="another"),
        lambda token, key: token.rpartition(".")[0] + ".",
        lambda token, key: token + ".x",
        lambda token, key: f"{token},{token}",
    ],
    ids=["signature", "none", "key", "kid", "unsigned", "parts", "twice"],
)
def test_what_we_have_not_signed_is_refused(
    stranger: APIClient, person: User, forge: Any, tmp_path: Path
) -> None:
    token = log_in(stranger).json()["access_token"]
    other = jose.read_signing_key(write_key(tmp_path / "other.pem"))
    answer = me(forge(token, other.private))
    nonsense = me("emb_nonsense")
    assert_error(answer, None, 401, code="invalid_token")
    assert {**answer.json(), "request_id": ""} == {**nonsense.json(), "request_id": ""}


def test_a_new_key_signs_while_the_old_one_is_believed(
    stranger: APIClient, person: User, settings: Any, key_file: Path, tmp_path: Path
) -> None:
    old = log_in(stranger).json()
    new = write_key(tmp_path / "new.pem")
    changes = {"jwt_key_file": new, "jwt_old_key_files": [key_file]}
    settings.EMBED = settings.EMBED.model_copy(update=changes)
    assert me(old["access_token"]).status_code == 200
    fresh = refresh(old["refresh_token"]).json()
    published = stranger.get("/.well-known/jwks.json").json()["keys"]
    header = jwt.get_unverified_header(fresh["access_token"])
    assert published[0]["kid"] == header["kid"] != published[1]["kid"]
    assert "d" not in published[0]

    settings.EMBED = settings.EMBED.model_copy(update={"jwt_old_key_files": []})
    forget_callers()
    assert_error(me(old["access_token"]), None, 401)
    assert me(fresh["access_token"]).status_code == 200


def test_turned_off_there_is_nothing(stranger: APIClient, person: User, settings: Any) -> None:
    tokens = log_in(stranger).json()
    settings.EMBED = settings.EMBED.model_copy(update={"jwt": False})
    forget_callers()
    assert_error(me(tokens["access_token"]), None, 401, code="invalid_token")
    absent = stranger.get("/v1/nowhere").json()
    for answer in (log_in(stranger), refresh("x"), log_out("x")):
        assert_error(answer, None, 404)
        assert answer.json()["detail"] == absent["detail"]
    assert_error(stranger.get("/.well-known/jwks.json"), None, 404)


def test_too_many_wrong_passwords_lock_the_user_at_the_address(
    stranger: APIClient, person: User, settings: Any
) -> None:
    limit = settings.AXES_FAILURE_LIMIT
    for _ in range(limit - 1):
        assert_error(log_in(stranger, password="wrong"), None, 401)
    locked = log_in(stranger, password="wrong")
    assert_error(locked, None, 429, code="too_many_attempts")
    assert locked["Retry-After"] == "900"
    assert_error(log_in(stranger), None, 429)
    assert log_in(APIClient(REMOTE_ADDR="192.0.2.7")).status_code == 200


def test_nothing_secret_is_stored(stranger: APIClient, person: User) -> None:
    tokens = log_in(stranger).json()
    claims = jwt.decode(tokens["refresh_token"], options={"verify_signature": False})
    kept = repr(Login.objects.values_list().get()) + repr(list(AuditEntry.objects.values_list()))
    for secret in (tokens["refresh_token"], tokens["access_token"], claims["jti"], PASSWORD):
        assert secret not in kept


def test_what_happens_to_a_login_is_on_record(stranger: APIClient, person: User) -> None:
    first = log_in(stranger).json()
    second = refresh(first["refresh_token"]).json()
    refresh(first["refresh_token"])
    assert_error(log_out(second["refresh_token"]), None, 401)
    entries = AuditEntry.objects.filter(object_type="login").order_by("id")
    events = [(e.event, e.outcome, e.username, e.credential) for e in entries]
    assert events == [
        ("login.create", "success", "alice", "jwt"),
        ("login.refresh", "success", "alice", "jwt"),
        ("login.delete", "denied", "alice", "jwt"),
    ]


def test_a_verified_token_costs_no_query_for_a_second(stranger: APIClient, person: User) -> None:
    token = log_in(stranger).json()["access_token"]
    with recorded_statements() as first:
        verify_jwt(token=token)
    with recorded_statements() as second:
        verify_jwt(token=token)
    assert (len(first), len(second)) == (1, 0)
