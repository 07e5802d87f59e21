"""The console and the documentation load from this machine, without collectstatic."""

import pytest
from django.test import Client


@pytest.mark.parametrize(
    "path",
    [
        "/static/admin/css/base.css",
        "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js",
    ],
)
def test_static_file_is_served(path: str, client: Client) -> None:
    response = client.get(path)

    assert response.status_code == 200
    assert len(b"".join(response)) > 1000


def test_missing_static_file_is_404(client: Client) -> None:
    assert client.get("/static/nothing.css").status_code == 404
