"""`/v1/schema` and `/v1/docs`."""

import base64
import hashlib
import re

import pytest
import yaml
from rest_framework.test import APIClient


def test_it_works(stranger: APIClient) -> None:
    response = stranger.get("/v1/schema")

    assert response["Content-Type"].startswith("application/json")
    assert response.json()["openapi"].startswith("3.1")
    assert "/v1/search" in response.json()["paths"]


@pytest.mark.parametrize("accept", ["application/yaml", "application/vnd.oai.openapi"])
def test_yaml_on_demand(stranger: APIClient, accept: str) -> None:
    response = stranger.get("/v1/schema", HTTP_ACCEPT=accept)

    assert response["Content-Type"].startswith(accept)
    assert yaml.safe_load(response.content) == stranger.get("/v1/schema").json()


def test_the_docs_run_no_script_but_our_files(stranger: APIClient) -> None:
    page = stranger.get("/v1/docs")

    policy = page["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    html = page.content.decode()
    styles = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    for style in styles:
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy, "drf-spectacular has changed its page"
    assert not re.search(r"<[^>]+\s(?:style|on\w+)=", html)
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", html, re.DOTALL)
    sources = [re.search(r'src="(.+?)"', tag) for tag, _ in scripts]
    assert len(scripts) == 3
    assert not any(text.strip() for _, text in scripts)
    links = re.findall(r'(?:src|href)="(.+?)"', html)
    assert all(link.startswith("/") and not link.startswith("//") for link in links)
    for source in sources:
        assert source is not None
        answer = stranger.get(source[1].replace("&amp;", "&"))
        assert answer.status_code == 200, source[1]
        assert "javascript" in answer["Content-Type"]
        answer.close()
    assert "/v1/schema" in stranger.get("/v1/docs?script=").content.decode()
