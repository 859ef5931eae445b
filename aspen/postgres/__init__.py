"""The project's own PostgreSQL server, for the demonstration, development and tests.

`ENGINE = "aspen.postgres"` is Django's PostgreSQL backend with a server that the first connection
starts and the last process stops (docs/adr/0002-embedded-postgres.md).
"""
