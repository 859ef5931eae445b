"""Settings for measuring: the same as for serving the portal, with a separate database server."""

import os
from pathlib import Path

os.environ.setdefault("SECRET_KEY", "only-for-measuring-" + "b" * 50)
os.environ |= {
    "ASPEN_DEMO": "on",
    "ASPEN_HTTPS": "off",
    "DEBUG": "off",
    "ALLOWED_HOSTS": "127.0.0.1,localhost",
    "ASPEN_VAR": str(Path(os.environ.get("ASPEN_VAR", "var")) / "bench"),
}

from aspen.settings import *  # noqa: F403

# Django's test client uses this host name.
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
POSTGRES_DURABLE = False
