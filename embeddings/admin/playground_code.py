"""The request of a search, to copy into a program; the token stays in the environment."""

import json
import shlex
from typing import Any

PYTHON = """\
import os

import requests

body = {{
{body}
}}
answer = requests.post(
    {url!r},
    headers={{"Authorization": "Bearer " + os.environ["TOKEN"]}},
    json=body,
    timeout=30,
)
answer.raise_for_status()
print(answer.json())
"""

JAVASCRIPT = """\
const answer = await fetch({url}, {{
  method: "POST",
  headers: {{
    "Authorization": "Bearer " + process.env.TOKEN,
    "Content-Type": "application/json",
  }},
  body: JSON.stringify({body}),
}});
if (!answer.ok) throw new Error(await answer.text());
console.log(await answer.json());
"""


def as_code(*, url: str, body: dict[str, Any]) -> dict[str, str]:
    """By the language's name."""
    return {"curl": _curl(url, body), "Python": _python(url, body), "JavaScript": _js(url, body)}


def _curl(url: str, body: dict[str, Any]) -> str:
    data = json.dumps(body, ensure_ascii=False, indent=2)
    return (
        f"curl -s {shlex.quote(url)} \\\n"
        '  -H "Authorization: Bearer $TOKEN" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(data)}\n"
    )


def _python(url: str, body: dict[str, Any]) -> str:
    lines = [f"    {name!r}: {value!r}," for name, value in body.items()]
    return PYTHON.format(url=url, body="\n".join(lines))


def _js(url: str, body: dict[str, Any]) -> str:
    literal = json.dumps(body, ensure_ascii=False, indent=2)
    return JAVASCRIPT.format(url=json.dumps(url), body=literal.replace("\n", "\n  "))
