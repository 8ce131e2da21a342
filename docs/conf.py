"""Sphinx configuration."""

import os
import sys
from pathlib import Path

import synthgan

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "synthgan"
copyright = "2026, the synthgan developers"
release = version = synthgan.__version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "markdown_pages",
]
exclude_patterns = ["_build", "generated"]
templates_path = ["_templates"]

html_title = "synthgan"
html_theme = "pydata_sphinx_theme"
html_logo = html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "logo": {"text": "synthgan"},
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars = {"index": []}
html_show_sourcelink = False  # Markdown copies (markdown_pages) serve better.
markdown_pages_summary = (
    "synthgan trains a GAN on private records and generates synthetic records in the same format: "
    "tables, related tables, electrocardiograms and images. The interface is scikit-learn's."
)

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
autosummary_generate = True
autodoc_typehints = "none"  # the docstrings have the types
numpydoc_show_class_members = False
copybutton_exclude = ".linenos, .gp, .go"

# Training takes minutes: SYNTHGAN_GALLERY is a pattern of the examples that run and draw their
# pictures. "/plot_" runs all, "/plot_1" the quick ones, the default none. The others are shown as
# text.
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": os.environ.get("SYNTHGAN_GALLERY", "/none"),
    "ignore_pattern": r"benchmarks|thesis|notebooks",
    "download_all_examples": False,
    "within_subsection_order": "FileNameSortKey",
    "show_memory": False,
    "remove_config_comments": True,
    "min_reported_time": 1,
}
# The examples that did not run have no times; the list of times is no page of the site.
suppress_warnings = ["config.cache"]
