"""What is stored before the pages are looked at: with texts that would do harm if they could."""

from tests.serve.instances import Instance

COLLECTION = "looked-at"
SCRIPT = "<script>document.title = 'owned'</script>"
TEMPLATE = "{{7*7}} ${7*7} [[7*7]]"
FORMULA = '=HYPERLINK("http://evil.example/", "click")'
HARMFUL = (SCRIPT, TEMPLATE, FORMULA, '"><img src=x onerror="document.title = \'owned\'">')


def store(service: Instance) -> None:
    """A collection of harmful texts, ids and metadata, with a row of each kind besides."""
    service.call("POST", "/v1/collection", {"name": COLLECTION, "description": SCRIPT})
    documents = [
        {"id": f"{number}-{text}", "text": f"{text} about tea", "metadata": {"note": text}}
        for number, text in enumerate(HARMFUL)
    ]
    body = {"collection": COLLECTION, "documents": documents}
    status, _, answer = service.call("POST", "/v1/add", body)
    assert status in (200, 201), answer
    for text in HARMFUL:
        service.call("POST", "/v1/search", {"collection": COLLECTION, "query": text})
    service.call("POST", "/v1/teams", {"name": "readers"})
    grant = {"team": "readers", "role": "viewer"}
    service.call("POST", f"/v1/collection/{COLLECTION}/permissions", grant)
    service.call("POST", f"/v1/collection/{COLLECTION}/reindex", {})
