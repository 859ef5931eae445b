"""The portal's settings. Everything that differs between installations comes from aspen/env.py."""

from pathlib import Path

import environ
import pghistory
from csp.constants import NONE, SELF

from aspen import env as schema

BASE_DIR = Path(__file__).resolve().parent.parent
environ.Env.read_env(BASE_DIR / ".env")
env = schema.read_environment()
schema.refuse_unsafe(env)

DEBUG = env("DEBUG")
DEMO = env("ASPEN_DEMO")
HTTPS = env("ASPEN_HTTPS") and not DEBUG
SECRET_KEY = env("SECRET_KEY") or "development-only-" + "x" * 50
ALLOWED_HOSTS = schema.hosts(env)
VAR = (BASE_DIR / env("ASPEN_VAR")).resolve()
UPLOADS = (BASE_DIR / env("ASPEN_UPLOADS")).resolve() if env("ASPEN_UPLOADS") else VAR / "uploads"
POSTGRES_BIN = env("ASPEN_POSTGRES_BIN")
ADDRESS = env("ASPEN_ADDRESS").rstrip("/") or "http://127.0.0.1:8000"
CONTACT_EMAIL = env("ASPEN_CONTACT_EMAIL") or "library-help@aspen.example"

INSTALLED_APPS = [
    "aspen.apps.AspenConfig",
    "accounts.apps.AccountsConfig",
    "events.apps.EventsConfig",
    "credits.apps.CreditsConfig",
    "tracks.apps.TracksConfig",
    "helpdesk.apps.HelpdeskConfig",
    "aspen.apps.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "crispy_forms",
    "crispy_bootstrap5",
    "csp",
    "django_htmx",
    "pghistory",
    "pgtrigger",
    "procrastinate.contrib.django",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "aspen.web.visits.end_visits_soon",
    "aspen.web.middleware.keep_personal_pages_out_of_caches",
    "aspen.web.middleware.RequireSignIn",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "aspen.web.middleware.explain_method_not_allowed",
]

ROOT_URLCONF = "aspen.urls"
WSGI_APPLICATION = "aspen.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["aspen.web.links", "aspen.web.csrf_tag"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "aspen.web.context.portal",
                "helpdesk.context.help_link",
                *(["aspen.demo.context.demonstration"] if DEMO else []),
            ],
        },
    },
]

# Without DATABASE_URL the first connection starts the embedded server (aspen/postgres), which
# refuse_unsafe() allows in development and demonstration only.
if env("DATABASE_URL"):
    DATABASES = {"default": env.db_url("DATABASE_URL")}
else:
    DATABASES = {"default": {"ENGINE": "aspen.postgres", "NAME": "aspen", "USER": "aspen"}}
    if env("ASPEN_SERVING"):
        DATABASES["default"]["USER"] = env("ASPEN_PORTAL_ROLE")
# The database role that serves the portal; migrations grant its rights (aspen/db/database_role.py).
PORTAL_ROLE = env("ASPEN_PORTAL_ROLE")
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# History tables (aspen/db/audit.py): each row records its person and action and never changes.
PGHISTORY_APPEND_ONLY = True
PGHISTORY_CONTEXT_FIELD = pghistory.ContextJSONField()
PGHISTORY_CONTEXT_ID_FIELD = pghistory.ContextUUIDField()
PGHISTORY_CREATED_AT_FUNCTION = "clock_timestamp()"
PGHISTORY_OBJ_FIELD = pghistory.ObjForeignKey(related_name="history")

CACHES = {
    # Counts requests for rate limits, and nothing else.
    "default": schema.cache(env),
    # Public pages (events/calendar/page_cache.py), per process.
    "pages": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "pages",
        "OPTIONS": {"MAX_ENTRIES": 100},
    },
}

if env("EMAIL_URL"):
    vars().update(env.email_url("EMAIL_URL"))
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = VAR / "mail"
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env("DEFAULT_FROM_EMAIL")
# In seconds, so that a dead mail server does not block the job worker.
EMAIL_TIMEOUT = 60

# People sign in with their e-mail address (django-allauth).
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "accounts.backends.NameBackend",
    "accounts.backends.AddressBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": f"{VALIDATION}.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "display_name")},
    },
    {"NAME": f"{VALIDATION}.MinimumLengthValidator"},
    {"NAME": f"{VALIDATION}.CommonPasswordValidator"},
    {"NAME": f"{VALIDATION}.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_FORMS = {
    "login": "accounts.forms.SignInForm",
    "signup": "accounts.forms.SignUpForm",
    "add_email": "accounts.forms.AddAddressForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "set_password": "accounts.forms.SetPasswordForm",
    "reset_password": "accounts.forms.ForgottenPasswordForm",
    "reset_password_from_key": "accounts.forms.NewPasswordForm",
    "reauthenticate": "accounts.forms.ReauthenticateForm",
}
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_DISPLAY = "accounts.adapter.display_name"
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 30
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_LOGOUT_REDIRECT_URL = "home"
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = ACCOUNT_EMAIL_NOTIFICATIONS = True
# A whole library or class can share one IP address.
ACCOUNT_RATE_LIMITS = {
    "login": "120/m/ip",
    "signup": "60/m/ip",
    "login_failed": "60/m/ip,5/5m/key",
    "supervisor_link": "60/m/ip",
    "check_in_code": "10/m/user",
    "kept_form": "60/h/ip",
}

LANGUAGE_CODE = "en-us"
USE_I18N = False
# Montana's time zone; times are stored in UTC. The database computes an event's last day in the
# same zone (events/models/event.py), so a change here needs a migration there.
TIME_ZONE = "America/Denver"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # Never inside a folder that the web server serves directly: a view serves these files.
    "uploads": {
        "BACKEND": "aspen.files.upload_storage.UploadStorage",
        "OPTIONS": {"location": UPLOADS},
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# The first handler refuses files over the size limit (events/uploads.py), so the others fit into
# memory, with the rest of their form. No upload needs room on the disk for temporary files.
FILE_UPLOAD_HANDLERS = [
    "events.uploads.StopWhenTooLarge",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
]
FILE_UPLOAD_MAX_MEMORY_SIZE = 15 * 1024 * 1024

CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"

# No inline styles or scripts.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "aspen.views.csrf_failure"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
if env("ASPEN_TRUSTED_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    # So that rate limits count by the visitor's address, not the proxy's.
    ALLAUTH_TRUSTED_PROXY_COUNT = 1
if HTTPS:
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "filters": {"without_rows": {"()": "aspen.db.logged_errors.WithoutRows"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["without_rows"],
        },
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"aspen": {"level": "INFO"}},
}
