"""Writes each page of the HTML site as Markdown beside it, and lists them in llms.txt.

Pages that are written in Markdown are copied. All others, such as the reference, are translated by
sphinx-markdown-builder.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.io import StringOutput
from sphinx.application import Sphinx
from sphinx_markdown_builder.builder import MarkdownBuilder
from sphinx_markdown_builder.translator import MarkdownTranslator

_LIST, _ALL = "llms.txt", "llms-full.txt"


class PageTranslator(MarkdownTranslator):  # type: ignore[misc]
    """Knows the nodes of numpydoc and of the gallery, too."""

    def visit_classifier(self, node: nodes.Element) -> None:
        """Write the type of a parameter after its name."""
        self.add(f" : {node.astext()}")
        raise nodes.SkipNode

    def visit_abbreviation(self, node: nodes.Element) -> None:
        """Write the sign of keyword-only parameters as text."""

    def depart_abbreviation(self, node: nodes.Element) -> None:
        """End it."""

    def visit_code_links_block(self, node: nodes.Element) -> None:
        """Leave out the links of the gallery's code."""
        raise nodes.SkipNode

    def visit_imgsgnode(self, node: nodes.Element) -> None:
        """Show a picture of the gallery, which is a file of the site."""
        up = "../" * self.builder.current_doc_name.count("/")
        self.add(f"![{node.get('alt', '')}]({up}_images/{Path(node['uri']).name})", 2, 2)
        raise nodes.SkipNode


class PageBuilder(MarkdownBuilder):  # type: ignore[misc]
    """Builds with that translator."""

    default_translator_class = PageTranslator


def write_pages(app: Sphinx, exception: Exception | None) -> None:
    """Write PAGE.md for each PAGE.html, llms.txt and llms-full.txt."""
    if exception is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    builder = PageBuilder(app, app.env)
    builder.init()
    builder.prepare_writing(set(app.env.found_docs))
    pages = {}
    for name in sorted(app.env.found_docs):
        target = out / f"{name}.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        source = Path(app.env.doc2path(name))
        if source.suffix == ".md":
            shutil.copyfile(source, target)
            text = re.sub(
                r"(\]\([^)\s]*)\.rst(#[^)\s]*)?\)", r"\1.md\2)", target.read_text("utf-8")
            )
        else:
            builder.current_doc_name = name
            builder.sec_numbers = {}
            text = translate(builder, app.env.get_and_resolve_doctree(name, builder))
        target.write_text(text, encoding="utf-8")
        pages[name] = text
    chapters = read_chapters(app, pages)
    lines = [f"# {app.config.project}", "", f"> {app.config.markdown_pages_summary}"]
    for title, names in chapters.items():
        lines += ["", f"## {title}", ""]
        lines += [f"- [{app.env.titles[name].astext()}]({name}.md)" for name in names]
    (out / _LIST).write_text("\n".join(lines) + "\n", encoding="utf-8")
    ordered = [pages[name] for names in chapters.values() for name in names]
    (out / _ALL).write_text("\n\n".join(ordered), encoding="utf-8")


def translate(builder: PageBuilder, tree: nodes.document) -> str:
    """Return a document as Markdown."""
    builder.writer.write(tree, StringOutput(encoding="utf-8"))
    return re.sub(r"(\]\((?!\w+:)[^)\s]*)\.html", r"\1.md", str(builder.writer.output))


def read_chapters(app: Sphinx, pages: dict[str, str]) -> dict[str, list[str]]:
    """Return the pages below each entry of the top bar, in order of the toctrees."""
    below = app.env.toctree_includes
    chapters = {"Home": ["index"]}
    seen = {"index"}

    def walk(name: str) -> list[str]:
        if name in seen or name not in pages:
            return []
        seen.add(name)
        return [name, *(page for child in below.get(name, []) for page in walk(child))]

    for door in below.get("index", []):
        chapters[app.env.titles[door].astext()] = walk(door)
    return chapters


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.setup_extension("sphinx_markdown_builder")
    app.add_config_value("markdown_pages_summary", "", "")
    app.connect("build-finished", write_pages)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
