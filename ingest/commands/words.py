"""Words that commands share."""


def plural(count: int, noun: str) -> str:
    """The count with its noun."""
    return f"{count} {noun}" + ("" if count == 1 else "s")
