"""Fetches the declared models that come from the Hugging Face hub."""

import json
import logging
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from embeddings.engine import UnusableModel, describe_model
from embeddings.engine.hub import fetch_model
from embeddings.services.engine import engine_options
from embeddings.types.model import ModelDeclaration


class Command(BaseCommand):
    help = (
        "Fetch the models that EMBED_MODELS declares from the Hugging Face hub into the data"
        " folder, and verify them. HF_ENDPOINT names another hub, HF_TOKEN is sent to it."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="Only these; else all.")
        parser.add_argument("--json", action="store_true", help="One JSON object for each model.")

    def handle(self, *_: Any, **options: Any) -> None:
        logging.getLogger("httpx2").setLevel(logging.WARNING)  # a line for each request
        chosen = declared(options["names"])
        failed = 0
        for declaration in chosen:
            try:
                found = self.fetch(declaration)
            except UnusableModel as error:
                failed += 1
                self.stderr.write(f"{declaration.name}: {error}")
                continue
            text = "{name}: {kind} model, fingerprint {fingerprint}"
            self.stdout.write(json.dumps(found) if options["json"] else text.format(**found))
        if failed:
            raise CommandError(f"{failed} of {len(chosen)} models can't be used.")

    def fetch(self, declaration: ModelDeclaration) -> dict[str, Any]:
        """What came. Raises UnusableModel."""
        folder = fetch_model(declaration, engine_options())
        info = describe_model(declaration.name, engine_options(), kind=declaration.kind)
        return {
            "name": info.name,
            "kind": info.kind,
            "dimensions": info.dimensions or None,
            "max_tokens": info.max_tokens,
            "fingerprint": info.fingerprint,
            "folder": str(folder),
        }


def declared(names: list[str]) -> list[ModelDeclaration]:
    """Those of the hub with these names, or all. Raises CommandError."""
    of_hub = {model.name: model for model in settings.EMBED.models if model.hub}
    if unknown := sorted(set(names) - of_hub.keys()):
        known = ", ".join(of_hub) or "none"
        raise CommandError(f"No model of the hub is declared as {unknown[0]!r}; these are: {known}")
    return [of_hub[name] for name in names or of_hub]
