"""Check that links within the built site lead somewhere: python docs/check_links.py SITE.

Links to other sites are left alone: they may be down for reasons of their own.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The links of a page, and the names that links may lead to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.names: set[str] = {""}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the links and names of a tag."""
        for key, value in attrs:
            if key in ("id", "name"):
                self.names.add(value or "")
            elif key in ("href", "src") and value:
                self.links.append(value)


def main(site: Path) -> int:
    """Print the links that lead nowhere, and return 1 if there are any."""
    found = [path for path in site.rglob("*.html") if "_static" not in path.parts]
    pages = {path.resolve(): Page(path.read_text("utf-8")) for path in found}
    wrong, n_links = [], 0
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            n_links += 1
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            names = pages[target].names if target in pages else {unquote(parts.fragment)}
            is_there = target.exists() and unquote(parts.fragment) in names
            if not is_there:
                wrong.append(f"{path.relative_to(site.resolve())}: {link}")
    print(*wrong, f"{len(wrong)} of {n_links} links lead nowhere", sep="\n")
    return int(bool(wrong) or not n_links)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
