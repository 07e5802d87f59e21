"""How secrets of machines are hashed."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class RandomSecretHasher(PBKDF2PasswordHasher):
    """A single round: what 128 random characters are is not found by trying, and the many rounds
    that a password needs would let strangers keep our cores busy with wrong ones.
    """

    algorithm = "pbkdf2_sha256_random"
    iterations = 1
