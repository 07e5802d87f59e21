"""OAuth 2.0: client credentials of a service's user, codes with PKCE, and nothing else."""

import base64
import hashlib
import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client
from oauth2_provider.models import AccessToken, Application, Grant, RefreshToken
from rest_framework.test import APIClient

from accounts.models import User
from accounts.models.audit import AuditEntry
from accounts.services.callers import forget_callers
from tests.api.assertions import assert_error
from tests.factories import make_user

SECRET = "s" * 40
CALLBACK = "https://app.example/callback"
VERIFIER = "v" * 60
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=")


@pytest.fixture(autouse=True)
def turned_on(settings: Any) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"oauth": True})


@pytest.fixture
def robot() -> User:
    return make_user("robot")


@pytest.fixture
def machine(robot: User) -> Any:
    """An application that acts as a user of its own."""
    return application("machine", "client-credentials", user=robot)


@pytest.fixture
def app() -> Any:
    """An application that asks people."""
    return application("app", "authorization-code", redirect_uris=CALLBACK)


def application(name: str, grant: str, **fields: Any) -> Any:
    return Application.objects.create(
        name=name,
        client_type="confidential",
        authorization_grant_type=grant,
        client_secret=SECRET,
        **fields,
    )


def ask(path: str, client: Any, *, secret: str = SECRET, **fields: Any) -> Any:
    basic = base64.b64encode(f"{client.client_id}:{secret}".encode()).decode()
    return Client().post(
        f"/oauth/{path}", fields, secure=True, headers={"Authorization": f"Basic {basic}"}
    )


def for_machine(client: Any, **fields: Any) -> Any:
    return ask("token", client, grant_type="client_credentials", **fields)


def get(token: str, path: str = "/v1/me") -> Any:
    return APIClient().get(path, HTTP_AUTHORIZATION=f"Bearer {token}")


def consent_url(client: Any, **changes: Any) -> str:
    query = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": CALLBACK,
        "scope": "me read",
        "state": "xyz",
        "code_challenge": CHALLENGE.decode(),
        "code_challenge_method": "S256",
        **changes,
    }
    given = {name: value for name, value in query.items() if value is not None}
    return f"/oauth/authorize?{urlencode(given)}"


def consent(user: User, client: Any, **changes: Any) -> dict[str, list[str]]:
    """What the application hears of the user's consent."""
    browser = Client()
    browser.force_login(user)
    page = browser.get(consent_url(client, **changes), secure=True)
    if page.status_code == 302:
        return parse_qs(urlsplit(page["Location"]).query)
    assert page.status_code == 200, page.content
    hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.content.decode())
    answer = browser.post("/oauth/authorize", {**dict(hidden), "allow": "Allow"}, secure=True)
    assert answer.status_code == 302
    assert answer["Location"].startswith(CALLBACK)
    return parse_qs(urlsplit(answer["Location"]).query)


def exchange(client: Any, code: str, **changes: Any) -> Any:
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        **changes,
    }
    return ask("token", client, **fields)


def test_an_application_acts_as_its_user(machine: Any) -> None:
    answer = for_machine(machine, scope="me search")
    assert answer.status_code == 200
    token = answer.json()
    assert (token["scope"], token["expires_in"]) == ("me search", 3600)
    assert "refresh_token" not in token
    assert get(token["access_token"]).json()["username"] == "robot"
    assert_error(get(token["access_token"], "/v1/collection"), None, 403)


def test_without_a_scope_it_may_ask_who_it_is(machine: Any) -> None:
    assert for_machine(machine).json()["scope"] == "me"


def test_a_person_lets_an_application_act(alice: User, app: Any) -> None:
    heard = consent(alice, app)
    assert heard["state"] == ["xyz"]
    token = exchange(app, heard["code"][0]).json()
    assert get(token["access_token"]).json()["username"] == "alice"
    assert get(token["access_token"], "/v1/collection").status_code == 200
    assert_error(get(token["access_token"], "/v1/tokens"), None, 403)


def test_a_code_is_good_once_and_for_who_asked(alice: User, app: Any) -> None:
    code = consent(alice, app)["code"][0]
    assert exchange(app, code, code_verifier="w" * 60).status_code == 400
    assert exchange(app, code, redirect_uri="https://evil.example/").status_code == 400
    other = application("other", "authorization-code", redirect_uris=CALLBACK)
    assert exchange(other, code).status_code == 400
    code = consent(alice, app)["code"][0]
    assert exchange(app, code).status_code == 200
    assert exchange(app, code).status_code == 400


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"response_type": "token"}, "unauthorized_client"),
        ({"scope": "me rule"}, "invalid_scope"),
    ],
    ids=["no PKCE", "plain", "plain by default", "implicit", "scope"],
)
def test_what_is_not_safe_is_not_given(
    alice: User, app: Any, changes: dict[str, Any], error: str
) -> None:
    heard = consent(alice, app, **changes)
    assert heard["error"] == [error]
    assert not Grant.objects.exists()


def test_a_person_is_never_sent_where_the_application_is_not(alice: User, app: Any) -> None:
    browser = Client()
    browser.force_login(alice)
    for redirect in ("https://evil.example/", f"{CALLBACK}/more", "http://app.example/callback"):
        page = browser.get(consent_url(app, redirect_uri=redirect), secure=True)
        assert page.status_code == 400
        assert "Location" not in page


def test_a_password_gets_no_token(alice: User, app: Any) -> None:
    alice.set_password("secret")
    alice.save()
    fields = {"grant_type": "password", "username": "alice", "password": "secret"}
    for grant in ("password", "authorization-code"):
        Application.objects.update(authorization_grant_type=grant)
        assert ask("token", app, **fields).status_code in (400, 401)
    assert not AccessToken.objects.exists()


def test_a_wrong_secret_is_refused(machine: Any) -> None:
    assert ask("token", machine, secret="x", grant_type="client_credentials").status_code == 401


def test_an_application_without_an_active_user_gets_nothing(machine: Any, robot: User) -> None:
    token = for_machine(machine).json()["access_token"]
    robot.is_active = False
    robot.save(update_fields=["is_active"])
    assert for_machine(machine).status_code == 400
    assert_error(get(token), None, 401, code="invalid_token")
    Application.objects.update(user=None)
    assert for_machine(machine).status_code == 400


def test_a_refresh_token_is_good_once(alice: User, app: Any) -> None:
    first = exchange(app, consent(alice, app)["code"][0]).json()

    def renew(token: dict[str, Any]) -> Any:
        return ask("token", app, grant_type="refresh_token", refresh_token=token["refresh_token"])

    second = renew(first).json()
    assert get(second["access_token"]).status_code == 200
    assert_error(get(first["access_token"]), None, 401)
    assert renew(first).status_code == 400  # copied: all that came of it is over
    forget_callers()
    assert_error(get(second["access_token"]), None, 401)
    assert renew(second).status_code == 400


def test_nothing_is_renewed_for_who_is_not_active(alice: User, app: Any) -> None:
    token = exchange(app, consent(alice, app)["code"][0]).json()["refresh_token"]
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert ask("token", app, grant_type="refresh_token", refresh_token=token).status_code == 400


def test_a_revoked_token_is_refused(machine: Any, app: Any) -> None:
    token = for_machine(machine).json()["access_token"]
    assert ask("revoke", app, token=token).status_code == 200
    assert get(token).status_code == 200  # another application's
    assert ask("revoke", machine, token=token).status_code == 200
    forget_callers()
    assert_error(get(token), None, 401)


def test_tokens_are_stored_as_hashes(alice: User, app: Any) -> None:
    token = exchange(app, consent(alice, app)["code"][0]).json()
    stored = [*AccessToken.objects.values_list(), *RefreshToken.objects.values_list()]
    audit = [*AuditEntry.objects.values_list()]
    for secret in (token["access_token"], token["refresh_token"], SECRET):
        assert secret not in repr((stored, audit, Application.objects.values_list()))


def test_what_it_gives_is_on_record(alice: User, app: Any, machine: Any) -> None:
    exchange(app, consent(alice, app)["code"][0])
    ask("revoke", machine, token=for_machine(machine).json()["access_token"])
    entries = AuditEntry.objects.filter(object_type="application").order_by("id")
    assert [(e.event, e.username, e.credential) for e in entries] == [
        ("oauth_grant.create", "alice", "session"),
        ("oauth_token.create", "alice", "oauth"),
        ("oauth_token.create", "robot", "oauth"),
        ("oauth_token.delete", "", ""),
    ]


def test_a_stranger_is_asked_to_log_in(alice: User, app: Any) -> None:
    alice.set_password("secret")
    alice.save()
    browser = Client()
    asked = browser.get(consent_url(app), secure=True)
    assert asked["Location"].startswith("/oauth/login?next=/oauth/authorize")
    page = browser.get(asked["Location"], secure=True)
    assert "form-action 'self'" in page["Content-Security-Policy"]
    credentials = {"username": "alice", "password": "secret"}
    done = browser.post(asked["Location"], credentials, secure=True)
    assert done["Location"].startswith("/oauth/authorize?")
    allowed = browser.get(done["Location"], secure=True)
    assert "https://app.example" in allowed["Content-Security-Policy"]
    assert not re.search(r'(src|href|action)="(http|//)', allowed.content.decode())


def test_it_says_what_it_offers(stranger: APIClient) -> None:
    said = Client().get("/.well-known/oauth-authorization-server", secure=True).json()
    assert said["token_endpoint"] == "https://testserver/oauth/token"
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert said["response_types_supported"] == ["code"]


def test_turned_off_there_is_nothing(machine: Any, settings: Any) -> None:
    token = for_machine(machine).json()["access_token"]
    forget_callers()
    settings.EMBED = settings.EMBED.model_copy(update={"oauth": False})
    assert_error(get(token), None, 401, code="invalid_token")
    assert for_machine(machine).status_code == 404
    for path in ("/oauth/login", "/oauth/authorize", "/.well-known/oauth-authorization-server"):
        assert Client().get(path, secure=True).status_code == 404


def test_what_postgres_has_no_text_for(app: Any) -> None:
    browser = Client()
    browser.force_login(make_user("dora"))
    assert_error(browser.get(consent_url(app, client_id="a\0b"), secure=True), None, 400)
    assert_error(ask("token", app, grant_type="authorization_code", code="\0"), None, 400)
    app.client_id = "a\0b"
    assert_error(for_machine(app), None, 400)
    assert_error(ask("revoke", app, token="x"), None, 400)
