"""Forms for claims. They show errors next to the fields; actions repeat every check."""
