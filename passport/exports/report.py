"""What an export loses, for people: grouped by why, one sentence for all attributes that it holds for."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from passport.exports.format import Loss, Subject, Why
from schemas.registry import REGISTRY

HEADINGS: Final[Mapping[Why, str]] = MappingProxyType(
    {
        Why.NO_PLACE: "Left out: the format has no place for it",
        Why.CUT: "Kept in part",
        Why.ROUNDED: "Rounded: the format forces fewer digits",
        Why.RESPELT: "Said with another word",
        Why.MADE_UP: "Filled in: the format demands it and nobody stated it",
        Why.UNFILLED: "Left empty although the format demands it: the document fails its schema",
        Why.NOT_READ: "Not taken over",
    }
)
_WIDTH: Final = 96


# The same in a few words, for counting; an attribute with several losses counts by the first of these.
_COUNTED: Final[Mapping[Why, str]] = MappingProxyType(
    {
        Why.NO_PLACE: "left out",
        Why.CUT: "in part",
        Why.ROUNDED: "rounded",
        Why.RESPELT: "in another word",
        Why.MADE_UP: "filled in",
        Why.UNFILLED: "left empty",
        Why.NOT_READ: "not taken over",
    }
)


def summary(subject: Subject, losses: Sequence[Loss]) -> str:
    """How much of what is stated arrives, and how, in one sentence."""
    stated = [name for name in subject.values if subject.given(name) is not None]
    of = {name: {loss.why for loss in losses if loss.attribute == name} for name in stated}
    worst = [next((why for why in _COUNTED if why in of[name]), None) for name in stated]
    words: dict[Why | None, str] = {None: "as they are"} | dict(_COUNTED)
    parts = [f"{count} {words[why]}" for why in words if (count := worst.count(why))]
    return f"{len(stated)} stated values: {', '.join(parts) or 'none'}."


def in_words(losses: Sequence[Loss]) -> str:
    """The losses by why; empty where there is none.

    Attributes that share a sentence are told together, by their titles.
    """
    return "".join(
        f"{line}\n" for why in HEADINGS for line in _group([one for one in losses if one.why is why])
    )


def _group(losses: Sequence[Loss]) -> Iterator[str]:
    if not losses:
        return
    yield ""
    yield f"{HEADINGS[losses[0].why]} ({len(losses)})"
    together: dict[str, list[Loss]] = {}
    for loss in losses:
        together.setdefault(loss.sentence, []).append(loss)
    for sentence, same in together.items():
        names = list(dict.fromkeys(_name(loss) for loss in same))
        if len(names) == 1:
            yield from _wrapped(f"{names[0]}: {sentence}", "- ")
        else:
            yield from _wrapped(sentence, "- ")
            yield from _wrapped("; ".join(names), "    ")


def _name(loss: Loss) -> str:
    """The attribute's title, or the place of a field that the format alone has."""
    if loss.attribute in REGISTRY:
        return REGISTRY[loss.attribute].title
    return loss.attribute or loss.path or "the document"


def _wrapped(text: str, mark: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=mark,
        subsequent_indent=" " * len(mark),
        break_long_words=False,
        break_on_hyphens=False,
    )
