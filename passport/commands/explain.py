"""`cellpass explain ATTRIBUTE`: everything derived from one row of the registry."""

import click


@click.command(
    "explain",
    short_help="Tell all that follows from one attribute of the registry.",
    epilog="Example: cellpass explain remaining_capacity",
)
@click.argument("attribute", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(attribute: str | None, as_json: bool) -> None:
    """Tell everything that follows from one attribute of the registry; without one, list them all.

    What its value may be, who may see it, in which record it lives, what is owed by which category and from
    when, where that is written, and which readings of a BMS feed it.
    """
    import json

    from schemas.explain import explain
    from schemas.registry import REGISTRY
    from schemas.validation import unknown_name

    if attribute is None:
        _list_all(as_json=as_json)
        return
    if attribute not in REGISTRY:
        raise click.UsageError(unknown_name(attribute))
    told = explain(attribute)
    if as_json:
        click.echo(json.dumps(told.to_json(), ensure_ascii=False, indent=2))
        return
    click.echo(f"{told.id}: {told.title}")
    changes = "changes during life" if told.updates else "fixed"
    lines = [
        ("value", f"{told.value}; {told.cardinality} per record"),
        ("chapter", told.chapter),
        ("level", f"{told.level}, {changes}"),
        ("record", told.record),
        ("seen by", f"{told.readers} ({told.disclosure})"),
        *((f"duty {category}", words) for category, words in told.duty.items()),
        *(("law", citation) for citation in told.law or ("none asks for it",)),
    ]
    if told.feeds:
        lines.append((f"BMS, {told.feed_role}", ", ".join(told.feeds)))
    if told.note:
        lines.append(("note", told.note))
    lines.append(("docs", told.docs))
    for name, text in lines:
        click.echo(click.wrap_text(text, 100, f"  {name:<16} ", " " * 19))


def _list_all(*, as_json: bool) -> None:
    """Every attribute with its title, chapter by chapter; as JSON, id to title."""
    import json

    from schemas.attribute import Chapter
    from schemas.registry import REGISTRY, by_chapter

    if as_json:
        click.echo(json.dumps({row.id: row.title for row in REGISTRY.values()}, ensure_ascii=False, indent=2))
        return
    for chapter in Chapter:
        click.echo(chapter.value)
        for row in by_chapter(chapter):
            click.echo(f"  {row.id:<42} {row.title}")
