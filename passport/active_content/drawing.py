"""SVG that only draws: every element and every reference is on a list, everything else is refused.

Source: SVG 2; what browsers run in it: script, event attributes, foreignObject, animation of references,
style sheets and pictures from elsewhere.
"""

import io
import re
from typing import Final
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from passport.errors import ContentActive, ContentForeign, ContentTooLarge, ContentUnreadable

_SVG: Final = "http://www.w3.org/2000/svg"
_MOST_ELEMENTS: Final = 200_000
_DEEPEST: Final = 200

_DRAWN: Final = """
    svg g defs title desc metadata symbol use view switch path rect circle ellipse line polyline polygon
    text tspan textPath image marker linearGradient radialGradient stop pattern clipPath mask style a filter
    feBlend feColorMatrix feComponentTransfer feComposite feConvolveMatrix feDiffuseLighting feDistantLight
    feDisplacementMap feDropShadow feFlood feFuncA feFuncB feFuncG feFuncR feGaussianBlur feMerge feMergeNode
    feMorphology feOffset fePointLight feSpecularLighting feSpotLight feTile feTurbulence
"""
_DRAWS: Final = frozenset(_DRAWN.split())
# What drawing programs write beside the drawing; no viewer runs or fetches any of it.
_INERT: Final = frozenset(
    {
        "http://www.inkscape.org/namespaces/inkscape",
        "http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd",
        "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "http://creativecommons.org/ns#",
        "http://web.resource.org/cc/",
        "http://purl.org/dc/elements/1.1/",
    }
)
_REFERENCES: Final = frozenset({"href", "src", "base", "data", "from", "to", "values", "begin"})
_INLINE: Final = re.compile(r"data:image/(?:png|jpeg|webp);base64,[A-Za-z0-9+/=\s]*\Z")
_LINK: Final = re.compile(r"(?:https?://|mailto:)[^\s\"'<>]+\Z", re.IGNORECASE)
_OUTSIDE: Final = re.compile(
    r"url\(\s*(?![\"']?#)|@import|@font-face|expression\(|behavior\s*:|\\|image-set\(", re.IGNORECASE
)
_SCRIPT: Final = re.compile(r"(?:java|vb)\s*script\s*:", re.IGNORECASE)
_HTML: Final = re.compile(
    r"<(?:!doctype\s+html|html|head|body|script|iframe|div|p|table|a|img)\b", re.IGNORECASE
)


def inspect_svg(data: bytes, words: str) -> tuple[str, str]:
    """Media type and words of a drawing.

    Args:
        data: the file.
        words: its characters, without a byte order mark.

    Raises:
        ContentForeign: HTML, or XML that is no SVG.
        ContentActive: it would run, or fetch something.
        ContentUnreadable: it is no well-formed XML.
        ContentTooLarge: more elements than a drawing has, or deeper ones.
    """
    start = words.lstrip()
    if _HTML.match(start):
        raise ContentForeign("this is HTML; export it as PDF")
    _refuse_instructions(start)
    count = _walk(data)
    return "image/svg+xml", f"SVG, {count} elements"


def _refuse_instructions(start: str) -> None:
    """An instruction can name a style sheet from elsewhere, and another encoding another meaning."""
    head, rest = "", start
    if re.match(r"<\?xml\s", start):
        head, _, rest = start.partition("?>")
    encoding = re.search(r"encoding\s*=\s*[\"']([^\"']*)", head)
    if encoding is not None and encoding[1].lower() not in ("utf-8", "utf8", "us-ascii"):
        raise ContentForeign(f"the drawing says that it is {encoding[1][:20]!r}; save it as UTF-8")
    if "<?" in rest:
        raise ContentActive("a processing instruction stands in the drawing; save it as plain SVG")


def _walk(data: bytes) -> int:
    count = depth = 0
    try:
        for event, element in iterparse(
            io.BytesIO(data), events=("start", "end"), forbid_dtd=True, forbid_entities=True
        ):
            if event == "end":
                depth -= 1
                _judge_text(element)
                element.clear()
                continue
            depth += 1
            count += 1
            if depth > _DEEPEST or count > _MOST_ELEMENTS:
                raise ContentTooLarge(
                    f"a drawing has at most {_MOST_ELEMENTS} elements and {_DEEPEST} levels"
                )
            if count == 1 and element.tag != f"{{{_SVG}}}svg":
                raise ContentForeign(
                    f"this is XML that is no SVG: its first element is {str(element.tag)[:80]!r}"
                )
            _judge(element.tag, dict(element.attrib))
    except DefusedXmlException as error:
        raise ContentActive(
            "a document type or an entity stands in the drawing; save it as plain SVG"
        ) from error
    except ParseError as error:
        raise ContentUnreadable(f"this is no well-formed XML: {error}") from error
    except (ValueError, LookupError) as error:  # an encoding that the parser does not know
        raise ContentUnreadable(f"this is no XML that can be read: {str(error)[:80]}") from error
    return count


def _judge(tag: str, attributes: dict[str, str]) -> None:
    space, _, name = tag[1:].rpartition("}") if tag.startswith("{") else ("", "", tag)
    if space not in _INERT and (space != _SVG or name not in _DRAWS):
        raise ContentActive(f"the drawing holds <{name[:40]}>, which is more than a drawing")
    for full, value in attributes.items():
        attribute = full.rpartition("}")[2].lower()
        if attribute.startswith("on"):
            raise ContentActive(f"the drawing would run something: attribute {attribute[:40]!r} of <{name}>")
        if _SCRIPT.search(value):
            raise ContentActive(f"the drawing would run something: {attribute[:40]!r} of <{name}>")
        if attribute in _REFERENCES and not _stays(name, attribute, value.strip()):
            raise ContentActive(
                f"the drawing would fetch something: {attribute} of <{name}> is {value.strip()[:60]!r};"
                " embed pictures as PNG or JPEG"
            )
        if "url(" in value.lower() or attribute == "style":
            _judge_style(value)


def _stays(name: str, attribute: str, value: str) -> bool:
    """Whether a reference stays inside the file; a link that a person follows may lead out."""
    if not value or value.startswith("#"):
        return True
    if attribute not in {"href", "src", "base"}:
        return not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", value)
    if name == "a":
        return _LINK.match(value) is not None
    return name == "image" and _INLINE.match(value) is not None


def _judge_style(value: str) -> None:
    if (found := _OUTSIDE.search(value)) is not None:
        raise ContentActive(f"the style of the drawing would fetch or run something: {found[0][:40]!r}")


def _judge_text(element: object) -> None:
    tag, text = getattr(element, "tag", ""), getattr(element, "text", None)
    if isinstance(text, str) and str(tag).rpartition("}")[2] == "style":
        _judge_style(text)
