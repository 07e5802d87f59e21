"""Fills the demo collection."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from embeddings.services.demo import load_demo


class Command(BaseCommand):
    help = "Fill the collection `demo`, owned by the first administrator, for a first search."

    def handle(self, *_: Any, **__: Any) -> None:
        owner = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
        if owner is None:
            raise CommandError("there is no administrator to own the collection; run serve first")
        collection = load_demo(principal=owner.as_principal())
        self.stdout.write(f"{collection.name}: {collection.document_count} documents")
