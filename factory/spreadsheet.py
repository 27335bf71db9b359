"""Text in CSV files: a spreadsheet shows it instead of working it out."""

# What makes a cell a formula, in the widths of East Asian keyboards too, and what spreadsheets skip before one.
# An apostrophe keeps them from it; so that it can be taken away again, a text that begins with one gets another.
TEMPTING = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")


def guarded(text: str) -> str:
    """What people write, as it may stand in a cell."""
    return f"'{text}" if text.startswith(TEMPTING) else text


def unguarded(cell: str) -> str:
    """What was written, out of a cell that `guarded` has made or that a person has typed."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(TEMPTING) else cell
