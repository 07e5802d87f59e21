"""Which version of the API a request asks for."""

from typing import Any

from rest_framework.request import Request
from rest_framework.versioning import NamespaceVersioning

from embedsite.problems import UnknownApiVersion

VERSIONS = ("1",)
"""Newest last; as the answer's header `API-Version` names them."""


class UrlOrHeader(NamespaceVersioning):
    """`/v1/…` in the URL; without it the header `API-Version`, the newest stable one by default."""

    default_version = VERSIONS[-1]

    def determine_version(self, request: Request, *_: Any, **__: Any) -> str:
        """The version. Raises UnknownApiVersion, also where URL and header disagree."""
        namespace = request.resolver_match.namespace if request.resolver_match else ""
        in_url = namespace.removeprefix("v") if namespace.startswith("v") else None
        named: str = request.META.get("HTTP_API_VERSION", in_url or self.default_version)
        version = named.strip().removeprefix("v")
        if version not in VERSIONS or in_url not in (None, version):
            raise UnknownApiVersion(param="API-Version", known=", ".join(VERSIONS))
        return version
