"""What the headers of every answer let a browser do, and which pages may call from one."""

import re
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.policy import SiteRole
from embeddings.models import Collection
from embedsite.settings import CORS_ALLOWED_ORIGINS
from tests.admin.conftest import make_staff

STRICT = {
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
ORIGIN = "https://app.example.org"


@pytest.mark.parametrize("path", ["/health/live", "/v1/collection", "/v1/schema", "/nothing"])
def test_it_works(stranger: APIClient, path: str) -> None:
    response = stranger.get(path)

    assert {name: response.get(name) for name in STRICT} == STRICT
    assert "camera=()" in response["Permissions-Policy"]


def test_documents_are_kept_by_no_cache(as_alice: APIClient, collection: Collection) -> None:
    response = as_alice.get("/v1/collection/drinks/documents/tea")

    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"


def test_files_may_be_kept(client: Client) -> None:
    response = client.get("/static/admin/css/base.css")

    assert "max-age" in response["Cache-Control"]
    assert response["X-Content-Type-Options"] == "nosniff"
    response.close()


def test_no_page_of_the_console_holds_a_script_or_a_style(
    client: Client, collection: Collection
) -> None:
    paths = ["/admin/login/", "/admin/", "/admin/password_change/"]
    pages = [client.get(paths[0])]
    client.force_login(make_staff("root", SiteRole.ADMIN))
    front = client.get("/admin/").content.decode()
    paths += re.findall(r'href="(/admin/\w+/\w+/(?:add/)?)"', front)
    paths.append(f"/admin/embeddings/collection/{collection.pk}/change/")
    pages += [client.get(path) for path in paths[1:]]

    assert len(pages) > 8
    for path, page in zip(paths, pages, strict=True):
        assert page.status_code == 200, path
        policy = page["Content-Security-Policy"]
        assert (
            "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src-elem 'self';" in policy
        )
        assert policy.count("unsafe") == 2  # styles in attributes too
        html = page.content.decode()
        scripts = re.findall(r"<script([^>]*)>(.*?)</script>", html, re.DOTALL)
        assert not any(text.strip() for tag, text in scripts if "application/json" not in tag), path
        assert "<style" not in html, path
        assert not re.search(r"<[^>]+\son\w+=", html), path
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', html), path


def test_a_session_opens_the_console_alone(client: Client, collection: Collection) -> None:
    """So that no page elsewhere can have a browser send what the API would take."""
    client.force_login(make_staff("root", SiteRole.ADMIN))

    assert client.get("/v1/collection/drinks").status_code == 401
    assert client.delete("/v1/collection/drinks").status_code == 401


def test_the_console_wants_the_token_of_its_form() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_staff("root", SiteRole.ADMIN))

    for path in ("/admin/login/", "/admin/accounts/user/add/", "/admin/logout/"):
        assert client.post(path, {}).status_code == 403, path


def test_an_unknown_host_is_refused(stranger: APIClient) -> None:
    response = stranger.get("/v1/schema", HTTP_HOST="evil.example")

    assert response.status_code == 400
    assert response.json()["code"] == "malformed"


class TestOtherOrigins:
    """Pages elsewhere may call the API where the operator says so."""

    def preflight(self, client: APIClient, origin: str = ORIGIN) -> Any:
        """What a browser asks before it sends what it would else never send."""
        return client.options(
            "/v1/search",
            headers={
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,content-type",
            },
        )

    @pytest.fixture
    def allowed(self, settings: Any) -> None:
        settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
        cors = "corsheaders.middleware.CorsMiddleware"
        settings.MIDDLEWARE = [*settings.MIDDLEWARE[:1], cors, *settings.MIDDLEWARE[1:]]

    def test_none_by_default(self, stranger: APIClient) -> None:
        assert CORS_ALLOWED_ORIGINS == []
        response = self.preflight(stranger)
        assert response.status_code == 401
        assert "Access-Control-Allow-Origin" not in response

    @pytest.mark.usefixtures("allowed")
    def test_one_that_is_named(self, stranger: APIClient) -> None:
        asked = self.preflight(stranger)
        assert asked.status_code == 200
        assert asked["Access-Control-Allow-Origin"] == ORIGIN
        assert "authorization" in asked["Access-Control-Allow-Headers"]
        response = stranger.post("/v1/search", {}, HTTP_ORIGIN=ORIGIN)
        assert response.status_code == 401
        assert response["Access-Control-Allow-Origin"] == ORIGIN
        assert "Retry-After" in response["Access-Control-Expose-Headers"]
        for answer in (asked, response):
            assert "Access-Control-Allow-Credentials" not in answer
            assert "origin" in answer["Vary"].lower()

    @pytest.mark.usefixtures("allowed")
    @pytest.mark.parametrize(
        "origin", ["https://app.example.org.evil", "http://app.example.org", "null"]
    )
    def test_none_that_is_not(self, stranger: APIClient, origin: str) -> None:
        response = self.preflight(stranger, origin)
        assert "Access-Control-Allow-Origin" not in response

    @pytest.mark.usefixtures("allowed")
    @pytest.mark.parametrize("path", ["/admin/login/", "/search", "/metrics"])
    def test_nowhere_but_below_a_version(self, client: Client, path: str) -> None:
        response = client.get(path, headers={"Origin": ORIGIN})
        assert "Access-Control-Allow-Origin" not in response
