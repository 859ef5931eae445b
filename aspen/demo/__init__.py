"""Invented people and trainings for trying the portal out; loaded by `manage.py load_demo`."""
