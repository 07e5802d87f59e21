"""Settings of the test run: the service's own, with everything it keeps in a temporary folder."""

import os
import tempfile

# The developer's own settings must not reach the tests.
for name in [name for name in os.environ if name.startswith("EMBED_")]:
    del os.environ[name]
for name in ("DATABASE_URL", "REDIS_URL"):
    os.environ.pop(name, None)

os.environ["EMBED_DATA_DIR"] = tempfile.mkdtemp(prefix="embed-test-")
os.environ["EMBED_DEFAULT_MODEL"] = "hashing-384"
os.environ["EMBED_DATABASE_POOL_SIZE"] = "20"

from embedsite.settings import *  # noqa: E402, F403 - the way Django derives settings

# Hashing a password takes 0.2 s by design.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "accounts.hashers.RandomSecretHasher",
]
