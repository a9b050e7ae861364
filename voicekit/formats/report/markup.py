"""What comes from a recording or from a user, made harmless for a page; and times as people read them."""

from __future__ import annotations

import base64
import html
import json
import math
import re
from collections.abc import Collection, Iterable

# Control characters have no place in a page, half surrogate pairs no UTF-8 form. Overrides and embeddings of the
# text's direction would reach beyond the word they stand in: the page sets directions itself.
_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")
_NO_TEXT = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")

_NUMBER = ' class="number"'


def clean(value: object) -> str:
    r"""The text on one line, without what a page must not hold; not yet escaped.

    Examples
    --------
    >>> clean("a\nb\x00c\ud800")
    'a b\ufffdc\ufffd'
    """
    return _DIRECTIONS.sub("", _NO_TEXT.sub("\ufffd", _BREAKS.sub(" ", str(value))))


def text(value: object) -> str:
    """The text as content of an element, or as an attribute's value in quotation marks.

    Examples
    --------
    >>> text('<b title="x">')
    '&lt;b title=&quot;x&quot;&gt;'
    """
    return html.escape(clean(value))


def name(value: object) -> str:
    """A name in running text: its direction does not turn what stands around it.

    Examples
    --------
    >>> name("Anna & Co")
    '<bdi>Anna &amp; Co</bdi>'
    """
    return f"<bdi>{text(value)}</bdi>"


def script_data(value: object) -> str:
    r"""JSON for a ``script`` element: nothing in it can end the element or begin a comment.

    Examples
    --------
    >>> script_data(["</script><!--"])
    '["\\u003c/script\\u003e\\u003c!--"]'
    """
    plain = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return plain.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def packed(values: Iterable[int]) -> str:
    """Whole numbers from 0 to 255 in base64; what is outside is cut.

    Examples
    --------
    >>> packed([0, 255, 300])
    'AP//'
    """
    return base64.b64encode(bytes(min(max(int(value), 0), 255) for value in values)).decode("ascii")


def finite(seconds: float) -> float:
    """Seconds that can be counted with: never negative, and 0 for what is no number.

    Examples
    --------
    >>> finite(1.5), finite(float("nan")), finite(-2)
    (1.5, 0.0, 0.0)
    """
    return max(0.0, float(seconds)) if math.isfinite(seconds) else 0.0


def clock(seconds: float) -> str:
    """A moment of a recording.

    Examples
    --------
    >>> clock(62.9), clock(3723)
    ('1:02', '1:02:03')
    """
    whole = int(finite(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def length(seconds: float) -> str:
    """How long something is.

    Examples
    --------
    >>> length(0.42), length(75), length(3600)
    ('0.4 s', '1 min 15 s', '1 h 00 min')
    """
    seconds = finite(seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def count(number: int, one: str, many: str = "") -> str:
    """A number with its noun.

    Examples
    --------
    >>> count(1, "word"), count(12000, "word"), count(2, "voice of its own", "voices of their own")
    ('1 word', '12,000 words', '2 voices of their own')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def moment(seconds: float) -> str:
    """A moment that a click plays; without a script it is only text.

    Examples
    --------
    >>> moment(62.5)
    '<a class="at" data-at="62.5">1:02</a>'
    """
    return f'<a class="at" data-at="{round(finite(seconds), 2):g}">{clock(seconds)}</a>'


def percent(part: float, whole: float) -> str:
    """A share as an attribute of a drawing.

    Examples
    --------
    >>> percent(1, 3), percent(1, 0)
    ('33.333%', '0%')
    """
    share = min(max(100 * part / whole, 0.0), 100.0) if whole > 0 else 0.0
    return f"{round(share, 3):g}%"


def table(headings: Iterable[str], rows: str, *, numbers: Collection[str] = (), kind: str = "") -> str:
    """A table that scrolls by itself where a screen is too narrow for it.

    Parameters
    ----------
    headings : iterable of str
        Of the columns; markup.
    rows : str
        Markup.
    numbers : collection of str
        Headings of columns of numbers.
    kind : str
        Its class: ``stacked`` puts the cells of a row below each other on a phone.

    Examples
    --------
    >>> table(["At"], "<tr><td>1:02</td></tr>")[:36]
    '<div class="scroll"><table><thead><t'
    """
    head = "".join(f'<th scope="col"{_NUMBER if heading in numbers else ""}>{heading}</th>' for heading in headings)
    opening = f'<table class="{kind}">' if kind else "<table>"
    return f'<div class="scroll">{opening}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
