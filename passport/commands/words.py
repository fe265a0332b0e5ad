"""Words that commands share."""


def counted(number: int, noun: str, several: str | None = None) -> str:
    """The number with its noun; `several` where the plural is not the noun and an s."""
    return f"{number} {noun if number == 1 else several or noun + 's'}"
