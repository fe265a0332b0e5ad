"""The compliance PDF against bare WeasyPrint on the same HTML."""

from collections.abc import Iterator
from typing import Any

from passport.documents import pdf
from schemas.measure import Ratio, paired


def run(context: pdf.PdfContext) -> Iterator[Ratio]:
    """Ours comes from its own warm process, pipes included; the yardstick renders in this one."""
    import weasyprint
    from weasyprint.text.fonts import FontConfiguration

    html = pdf.html(context)
    fonts = FontConfiguration()
    pages = len(weasyprint.HTML(string=html).render(font_config=fonts).pages)
    renderer = pdf.Renderer(None, processes=1)

    def ours() -> bytes:
        return renderer.render(html, context.record.issued_at, context.attachments)

    def bare() -> Any:
        return weasyprint.HTML(string=html).write_pdf(pdf_variant="pdf/a-3a", font_config=fonts)

    try:
        times = paired(ours, bare, rounds=7)
    finally:
        renderer.close()
    mine, theirs = times.middle
    yield Ratio(
        "compliance PDF",
        mine,
        theirs,
        "s",
        1.15,
        at_most=True,
        against="bare WeasyPrint, same HTML and variant",
        note=f"{pages} pages, {html.count('<tr')} rows",
        spread=times.spread(rates=False),
    )
