"""Escape untrusted text for output: terminals, Markdown, JSON, CSV."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["escape_code", "escape_json", "escape_markdown", "escape_spreadsheet", "printable"]

# Special characters of CommonMark and GitHub's dialect within a line.
_INLINE = re.compile(r"([\\`*_\[\]#|~$@])|(?<=:)(//)|\b(www)\.")
_BLOCK = re.compile(r"^([-+=])|^(\d+)([.)])(?=\s|$)")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# Characters that start a formula in spreadsheets; the last four are full-width forms.
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def printable(value: Any) -> str:
    r"""Return text in one line, without terminal control or bidirectional characters.

    Parameters
    ----------
    value : object
        Its ``str`` is taken.

    Returns
    -------
    text : str
        Every character that is not printable (line breaks, C0 and C1 controls, DEL, bidirectional
        and other invisible marks, lone surrogates) is escaped as ``repr`` does.

    Examples
    --------
    >>> print(printable("ward\x1b[2J\n7"))
    ward\x1b[2J\n7
    """
    text = str(value)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def escape_markdown(value: Any) -> str:
    r"""Escape text for Markdown, so that it forms no heading, cell, link, code, formula or HTML.

    Parameters
    ----------
    value : object
        Its ``str`` is taken.

    Examples
    --------
    >>> print(escape_markdown("a|b\n# Safe <b>"))
    a\|b\\n\# Safe &lt;b&gt;
    """
    text = printable(value).strip()
    text = _INLINE.sub(_escaped, text).translate(_ENTITIES)
    return _BLOCK.sub(
        lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}", text
    )


def _escaped(found: re.Match[str]) -> str:
    if found[3]:
        return "www\\."
    return "\\/\\/" if found[2] else f"\\{found[0]}"


def escape_code(value: Any) -> str:
    r"""Return text as inline code of Markdown, also valid in a table cell.

    Parameters
    ----------
    value : object
        Its ``str`` is taken; a backtick becomes an apostrophe, because it cannot be escaped there.

    Examples
    --------
    >>> escape_code("ward")
    '`ward`'
    """
    text = printable(" ".join(str(value).split())).replace("`", "'").replace("|", "\\|")
    return f"`{text or ' '}`"


def escape_json(text: str) -> str:
    r"""Escape all non-printable characters in the strings of JSON.

    Parameters
    ----------
    text : str
        JSON, of one or more lines.

    Examples
    --------
    >>> print(escape_json('["\x9b", "é"]'))
    ["\u009b", "é"]
    """
    return "\n".join(
        line if line.isprintable() else "".join(map(_in_json, line)) for line in text.split("\n")
    )


def _in_json(character: str) -> str:
    if character.isprintable():
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))


def escape_spreadsheet(value: Any) -> Any:
    """Escape a table cell that spreadsheets would interpret as a formula.

    Parameters
    ----------
    value : object
        Text that starts with ``=``, ``+``, ``-``, ``@``, their full-width forms, a tab or a line
        break gets an apostrophe in front; all other values, including numbers, are unchanged.

    References
    ----------
    OWASP, CSV Injection, https://owasp.org/www-community/attacks/CSV_Injection.

    Examples
    --------
    >>> escape_spreadsheet("=1+1"), escape_spreadsheet(-1)
    ("'=1+1", -1)
    """
    is_formula = isinstance(value, str) and value.startswith(_FORMULA)
    return f"'{value}" if is_formula else value
