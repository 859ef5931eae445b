"""Settings for tests: demonstration mode, and a separate database server."""

import os

os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "t" * 50)
os.environ.setdefault("ALLOWED_HOSTS", "127.0.0.1,localhost")
os.environ.setdefault("CACHE_URL", "locmemcache://")
os.environ |= {"ASPEN_DEMO": "on", "ASPEN_HTTPS": "off", "DEBUG": "off"}
os.environ["ASPEN_VAR"] = os.path.join(os.environ.get("ASPEN_VAR", "var"), "test")  # noqa: PTH118

from aspen.settings import *  # noqa: F403
from aspen.settings import INSTALLED_APPS, MIDDLEWARE, STATIC_ROOT

ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]
POSTGRES_DURABLE = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "uploads": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# WhiteNoise warns if the folder is missing, and warnings are errors.
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
# N+1 queries and slow requests raise.
INSTALLED_APPS = [*INSTALLED_APPS, "zeal"]
MIDDLEWARE = [
    "tests.middleware.limit_processor_time",
    "zeal.middleware.zeal_middleware",
    *MIDDLEWARE,
]
ZEAL_RAISE = True
# Signing in and out fetch the session, the address and the person more than once.
ZEAL_ALLOWLIST = [
    {"model": model, "field": "get()"}
    for model in ("sessions.Session", "account.EmailAddress", "accounts.User")
]
# Saving a proposal and sending it to staff are two actions, and each locks the event.
ZEAL_ALLOWLIST.append({"model": "events.Event", "field": "get()"})
