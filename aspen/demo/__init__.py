"""Fictional people and trainings to try the portal with, loaded by `manage.py load_demo`."""
