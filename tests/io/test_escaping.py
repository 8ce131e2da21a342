"""Text that leaves us does what text does: nothing."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgan.exceptions import ArchiveError, DataError, DataWarning, SamplingError
from synthgan.io.escaping import (
    escape_code,
    escape_json,
    escape_markdown,
    escape_spreadsheet,
    printable,
)

CONTROLS = ["\x00", "\x07", "\x1b", "\x7f", "\x80", "\x9b", "\u061c", "\u200b", "\u200e", "\u202a",
            "\u202e", "\u2028", "\u2029", "\u2066", "\u2069", "\ufeff", "\ud800", "\U000e0001",
            "\r", "\n", "\t", "\v", "\f", "\x85", "\xa0"]  # fmt: skip
FORGED = [
    "# Privacy", "x\n\n## Privacy\n\nDifferentially private", "a|b", "[safe](https://evil.example)",
    "<b>safe</b>", "<script>alert(1)</script>", "`code`", "![x](data:,)", "https://evil.example/a",
    "www.evil.example", "a@evil.example", "*x*", "__x__", "~~x~~", "&lt;b&gt;", "- item", "+ item",
    "1. item", "1) item", "===", "---", "> said", "\\", "\\`", "a\\|b", "$x$", "&#35;", "    code",
    "\x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\", "", " ", "http://evil.example",
    "mailto:a@evil.example", "xmpp:a@evil.example", "```", "~~~", "| a |\n|---|\n| b |",
]  # fmt: skip


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
def test_controls_are_shown_and_not_sent(control):
    shown = printable(f"a{control}b")
    assert shown.isprintable()
    assert shown == f"a{control!r}b".replace("'", "")


@pytest.mark.parametrize("kind", [DataError, ArchiveError, SamplingError, DataWarning])
def test_messages_are_one_line_that_commands_nothing(kind):
    message = kind("column x\x1b[2J\x9b\u202e\n# is 'odd'")
    assert str(message) == "column x\\x1b[2J\\x9b\\u202e\\n# is 'odd'"
    assert str(kind("a", 1)) == "('a', 1)"


def test_ordinary_text_stays():
    for text in ("Größe (cm)", "年齢", "العمر", "a  b", "'\"\\", "é", "🫀"):
        assert printable(text) == text
    assert printable(5) == "5"


@given(st.text())
def test_printable_text_has_no_controls(text):
    categories = {unicodedata.category(character) for character in printable(text)}
    assert not categories & {"Cc", "Cf", "Cs", "Zl", "Zp"}


def texts(source):
    """Tell the kinds of all tokens, and the text of all that is text."""
    markdown_it = pytest.importorskip("markdown_it")
    parser = markdown_it.MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    tokens = [child for token in parser.parse(source) for child in (token, *(token.children or []))]
    kinds = {token.type for token in tokens} - {"inline"}
    text = "".join(t.content for t in tokens if t.type in ("text", "text_special", "code_inline"))
    return kinds, text


PARAGRAPH = {"paragraph_open", "paragraph_close", "text", "text_special"}


@pytest.mark.parametrize("text", FORGED, ids=ascii)
def test_markdown_shows_text_as_it_is(text):
    kinds, shown = texts(escape_markdown(text))
    assert kinds <= PARAGRAPH
    assert shown == printable(text).strip()


@given(st.text(st.characters(codec="ascii") | st.characters()))
def test_markdown_shows_any_text_as_it_is(text):
    kinds, shown = texts(f"a {escape_markdown(text)} b")
    assert kinds <= PARAGRAPH
    assert " ".join(shown.split()) == " ".join(f"a {printable(text).strip()} b".split())


@pytest.mark.parametrize("text", FORGED, ids=ascii)
def test_no_link_is_made_of_bare_addresses(text):
    escaped = escape_markdown(text)
    assert "://" not in escaped
    assert "www.e" not in escaped
    assert "a@" not in escaped


@pytest.mark.parametrize("text", FORGED, ids=ascii)
@pytest.mark.parametrize("escape", [escape_code, escape_markdown])
def test_a_cell_stays_a_cell(text, escape):
    lines = ["| x | y |", "|---|---|", f"| {escape(text)} | last |", "", "# End"]
    kinds, shown = texts("\n".join(lines))
    assert not {kind for kind in kinds if kind.startswith(("html", "link", "image", "fence"))}
    assert shown.endswith("lastEnd")
    _, plain = texts("\n".join([*lines[:2], "| a | last |", *lines[3:]]))
    assert len(plain.split("last")) == len(shown.split("last"))


@given(st.recursive(st.text(), st.lists))
def test_json_means_the_same(value):
    text = escape_json(json.dumps(value, indent=1, ensure_ascii=False))
    assert text.replace("\n", "").isprintable()
    assert json.loads(text) == value


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
)
def test_cells_that_are_formulas(start):
    assert escape_spreadsheet(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"


def test_cells_that_are_none():
    for cell in ("a=b", "", "'", " x", -1, -1.5, True, None):
        assert escape_spreadsheet(cell) is cell
