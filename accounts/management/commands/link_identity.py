"""`manage.py link_identity USER SUBJECT`: who comes with this certificate, or from this issuer."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.exceptions import Problem
from accounts.models import Identity
from accounts.models.identity import CERTIFICATES
from accounts.services.identities import link_identity, unlink_identity
from accounts.services.users import get_user


class Command(BaseCommand):
    """Through the service that the console uses."""

    help = "Let the subject of a client certificate, or of another issuer's tokens, be a user here."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The user, and who that is elsewhere."""
        parser.add_argument("username")
        parser.add_argument("subject", help="Of a certificate as `CN=reports,O=Example`.")
        parser.add_argument("--issuer", default=CERTIFICATES, help="Whose tokens name the subject.")
        parser.add_argument("--remove", action="store_true", help="Let it be nobody again.")

    def handle(self, *_: Any, **options: Any) -> None:
        """Raises CommandError."""
        issuer, subject = options["issuer"], options["subject"]
        try:
            user = get_user(username=options["username"])
            if not options["remove"]:
                link_identity(user=user, issuer=issuer, subject=subject)
                self.stdout.write(f"{subject} is {user.username}.")
                return
        except Problem as problem:
            raise CommandError(problem.detail) from None
        identity = Identity.objects.filter(user=user, issuer=issuer, subject=subject).first()
        if identity is None:
            raise CommandError(f"{subject} is not {user.username}.")
        unlink_identity(identity=identity)
        self.stdout.write(f"{subject} is nobody.")
