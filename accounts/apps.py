from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "People and libraries"

    def ready(self) -> None:
        from accounts import emails, receivers  # noqa: F401 - registers composers and receivers
