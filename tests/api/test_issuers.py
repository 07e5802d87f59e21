"""Signed tokens of others: of declared issuers alone, for users that are linked to them."""

import time
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts import jose
from accounts.issuer import Issuer
from accounts.models import Identity, User
from accounts.models.audit import AuditEntry
from accounts.policy import SiteRole
from accounts.services.callers import forget_callers
from tests.api.assertions import assert_error
from tests.factories import make_user
from tests.keys import TestIssuer, write_key


@pytest.fixture
def issuer(tmp_path: Path) -> TestIssuer:
    return TestIssuer(tmp_path)


@pytest.fixture
def trusting(settings: Any, issuer: TestIssuer) -> Any:
    """Trusts the issuer, with these fields in its declaration."""

    def trust(**fields: Any) -> None:
        declared = Issuer.model_validate(issuer.declared(**fields))
        settings.EMBED = settings.EMBED.model_copy(update={"jwt_issuers": [declared]})
        forget_callers()

    trust()
    return trust


@pytest.fixture
def linked(alice: User) -> User:
    """Alice, whom the issuer calls abc-123."""
    Identity.objects.create(issuer=TestIssuer.name, subject="abc-123", user=alice)
    return alice


def get(token: str, path: str = "/v1/collection") -> Any:
    return APIClient().get(path, HTTP_AUTHORIZATION=f"Bearer {token}")


def whoami(token: str) -> Any:
    answer = get(token, "/v1/me")
    assert answer.status_code == 200, answer.json()
    return answer.json()


def test_it_works(issuer: TestIssuer, trusting: Any, linked: User) -> None:
    assert whoami(issuer.token())["username"] == "alice"


def test_an_issuer_names_its_own_subjects_alone(issuer: TestIssuer, trusting: Any) -> None:
    admin = make_user("admin", SiteRole.ADMIN)
    for subject in ("admin", str(admin.pk)):
        assert_error(get(issuer.token(subject)), None, 401)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://else.example"},
        {"iss": "embedding-service"},
        {"aud": "another service"},
        {"exp": int(time.time()) - 60},
        {"sub": None},
        {"sub": ""},
        {"sub": "a\0b"},
        {"sub": "x" * 501},
        {"sub": ["abc-123"]},
        {"sub": "unknown"},
    ],
    ids=[
        "issuer",
        "ours",
        "audience",
        "expired",
        "none",
        "empty",
        "nul",
        "long",
        "list",
        "unknown",
    ],
)
def test_what_does_not_fit_is_refused(
    issuer: TestIssuer, trusting: Any, linked: User, claims: dict[str, Any]
) -> None:
    assert_error(get(issuer.token(**{"subject": "abc-123", **_renamed(claims)})), None, 401)


def _renamed(claims: dict[str, Any]) -> dict[str, Any]:
    return {("subject" if name == "sub" else name): value for name, value in claims.items()}


def test_another_key_is_refused(issuer: TestIssuer, trusting: Any, linked: User) -> None:
    issuer.key = jose.read_signing_key(write_key(issuer.folder / "other.pem"))
    assert_error(get(issuer.token()), None, 401)


def test_without_a_declaration_nobody_is_trusted(
    issuer: TestIssuer, linked: User, settings: Any
) -> None:
    assert settings.EMBED.jwt_issuers == []
    assert_error(get(issuer.token()), None, 401)


def test_an_inactive_user_is_refused(issuer: TestIssuer, trusting: Any, linked: User) -> None:
    trusting(create_users=True)
    linked.is_active = False
    linked.save(update_fields=["is_active"])
    assert_error(get(issuer.token()), None, 401)
    assert User.objects.count() == 1


def test_a_new_subject_gets_a_user_where_that_is_declared(
    issuer: TestIssuer, trusting: Any, alice: User
) -> None:
    assert_error(get(issuer.token("dora-1", email="dora@example.com")), None, 401)
    trusting(create_users=True, username_claim="email")
    for _ in range(2):
        assert whoami(issuer.token("dora-1", email="dora@example.com"))["username"] == (
            "dora@example.com"
        )
        forget_callers()
    made = User.objects.get(username="dora@example.com")
    assert (made.role, made.is_staff, made.has_usable_password()) == ("member", False, False)
    assert AuditEntry.objects.filter(event="user.create", object_id=str(made.pk)).count() == 1


@pytest.mark.parametrize("name", ["alice", "", "a/b\n", None, 7])
def test_a_new_subject_never_becomes_somebody_who_is_here(
    issuer: TestIssuer, trusting: Any, alice: User, name: Any
) -> None:
    trusting(create_users=True, username_claim="name")
    answer = get(issuer.token("dora-1", name=name))
    assert_error(answer, None, 401)
    assert Identity.objects.count() == 0


ROLES = {"role_claim": "realm.roles", "roles": {"ops": "operator", "root": "admin"}}


def test_a_claim_says_the_role(issuer: TestIssuer, trusting: Any, linked: User) -> None:
    trusting(**ROLES)
    now = int(time.time())
    for second, (named, role) in enumerate(
        [(["ops", "x"], "operator"), (["ops", "root"], "admin"), ("ops", "operator"), (7, "member")]
    ):
        make_admin_beside(linked)
        token = issuer.token(realm={"roles": named}, iat=now - 10 + second)
        assert whoami(token)["role"] == role
        linked.refresh_from_db()
        assert linked.role == role


def test_an_older_token_does_not_bring_an_older_role_back(
    issuer: TestIssuer, trusting: Any, linked: User
) -> None:
    trusting(**ROLES)
    now = int(time.time())
    old = issuer.token(realm={"roles": ["ops"]}, iat=now - 20)
    assert whoami(old)["role"] == "operator"
    assert whoami(issuer.token(realm={"roles": []}, iat=now - 10))["role"] == "member"
    forget_callers()
    assert whoami(old)["role"] == "member"


def test_the_last_administrator_stays_one(issuer: TestIssuer, trusting: Any, linked: User) -> None:
    trusting(**ROLES)
    User.objects.filter(pk=linked.pk).update(role="admin")
    assert whoami(issuer.token(realm={"roles": []}))["role"] == "admin"
    linked.refresh_from_db()
    assert linked.role == "admin"


def test_a_claim_narrows_the_scopes(issuer: TestIssuer, trusting: Any, linked: User) -> None:
    trusting(scope_claim="scp")
    for given, status in (("read search", 200), (["read"], 200), ("search", 403), (None, 403)):
        assert get(issuer.token(scp=given)).status_code == status
        assert get(issuer.token(scp="read root"), "/v1/me").status_code == 403


def test_a_withdrawn_link_is_refused(issuer: TestIssuer, trusting: Any, linked: User) -> None:
    token = issuer.token()
    assert get(token).status_code == 200
    linked.identities.all().delete()
    forget_callers()
    assert_error(get(token), None, 401)


def make_admin_beside(user: User) -> None:
    User.objects.get_or_create(username="root", defaults={"role": "admin"})
