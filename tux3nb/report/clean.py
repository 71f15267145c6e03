"""What of a notebook's HTML may stand in a page: text, tables, pictures, formulas and links, and nothing that acts.

A list of what is let through, applied by nh3 (Ammonia) to the whole body of a page: no script, no handler, no frame, no
form, no refresh, no style sheet, no address that a page would load by itself.
"""

import re

import nh3

_TEXT = """
a abbr b bdi bdo blockquote br caption center cite code col colgroup dd del details dfn div dl dt em figcaption figure
h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q rp rt ruby s samp section small span strike strong sub
summary sup table tbody td tfoot th thead tr tt u ul var wbr
"""
_SVG = """
circle clipPath defs desc ellipse g line linearGradient marker path polygon polyline radialGradient rect stop svg text
title tspan
"""
_MATHS = """
math menclose merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow mspace msqrt mstyle
msub msubsup msup mtable mtd mtext mtr munder munderover
"""
_DRAWN = """
clip-path cx cy d dominant-baseline dx dy fill fill-opacity fill-rule font-family font-size font-style font-weight
gradientTransform gradientUnits height marker-end marker-height marker-mid marker-start markerHeight markerUnits
markerWidth offset opacity orient pathLength points preserveAspectRatio r refX refY rx ry stop-color stop-opacity
stroke stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin stroke-miterlimit stroke-opacity stroke-width
text-anchor textLength transform viewBox width x x1 x2 xmlns y y1 y2
"""
_SET = """
accent align columnalign columnlines columnspacing columnspan depth display displaystyle fence form frame height
linebreak linethickness lspace mathbackground mathcolor mathsize mathvariant maxsize minsize movablelimits notation
rowalign rowlines rowspacing rowspan rspace scriptlevel separator stretchy symmetric voffset width xmlns
"""
_STYLES = """
background background-color border border-bottom border-collapse border-left border-radius border-right border-spacing
border-top color display fill font-family font-size font-style font-variant font-weight height letter-spacing
line-height list-style-type margin margin-bottom margin-left margin-right margin-top max-height max-width min-height
min-width opacity overflow overflow-x overflow-y padding padding-bottom padding-left padding-right padding-top stroke
stroke-dasharray stroke-width table-layout text-align text-anchor text-decoration text-indent text-transform
vertical-align white-space width word-break word-spacing
"""
_ANYWHERE = {"class", "dir", "id", "lang", "role", "style", "tabindex", "title"}
_CELL = {"align", "colspan", "headers", "height", "rowspan", "scope", "valign", "width"}
_ATTRIBUTES = {
    "*": _ANYWHERE,
    "a": {"href"},
    "col": {"span", "width"},
    "details": {"open"},
    "div": {"data-mime-type", "data-type"},
    "img": {"alt", "height", "src", "width"},
    "li": {"value"},
    "ol": {"reversed", "start", "type"},
    "table": {"align", "border", "cellpadding", "cellspacing", "summary", "width"},
    "td": _CELL,
    "th": _CELL | {"abbr"},
    **{tag: set(_DRAWN.split()) for tag in _SVG.split()},
    **{tag: set(_SET.split()) for tag in _MATHS.split()},
}
_OURS = "tux"  # ids that begin so belong to the page's own elements
_LINK = re.compile(r"https?://|mailto:|(?![a-z][a-z0-9+.-]*:)(?!//)", re.IGNORECASE)
_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=]*", re.IGNORECASE)


def _kept(tag: str, name: str, value: str) -> str | None:  # noqa: ARG001  (nh3 calls it)
    """The value of an attribute as it may stand in the page; None: the attribute goes."""
    plain = re.sub(r"[\x00-\x20]", "", value)
    if name == "href":
        return value if _LINK.match(plain) else None
    if name == "src":
        return plain if _IMAGE.fullmatch(plain) else None
    if name == "id":
        return None if plain.lower().startswith(_OURS) else value
    if "url(" in plain.lower() and not re.fullmatch(r"url\(#[\w-]+\)", plain):
        return None
    return value


_CLEANER = nh3.Cleaner(
    tags={*_TEXT.split(), *_SVG.split(), *_MATHS.split()},
    clean_content_tags={"script", "style", "iframe", "object", "noscript", "template", "annotation-xml"},
    attributes=_ATTRIBUTES,
    generic_attribute_prefixes={"aria-"},
    attribute_filter=_kept,
    filter_style_properties=set(_STYLES.split()),
    url_schemes={"http", "https", "mailto", "data"},
    link_rel="noopener noreferrer",
)


def clean(html: str) -> str:
    """Return HTML of which nothing acts: the same text, without what is not on the list."""
    return _CLEANER.clean(whole_letters(html))


def whole_letters(text: str) -> str:
    """Return the text with a question mark for each half of a letter, which a notebook can hold and no page."""
    return text.encode("utf-8", "replace").decode()
