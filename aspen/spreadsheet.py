"""Text on its way into a spreadsheet."""

# What a spreadsheet program takes for the beginning of a formula (OWASP, CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def harmless(cell: str) -> str:
    """The text, so that no spreadsheet program runs it as a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell
