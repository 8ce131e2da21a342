"""Sphinx configuration."""

import os

import synthgan

project = "synthgan"
copyright = "2026, the synthgan developers"
release = version = synthgan.__version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
html_theme = "pydata_sphinx_theme"
autosummary_generate = True
numpydoc_show_class_members = False
# The gallery trains for minutes: its scripts run only where SYNTHGAN_GALLERY=1.
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": "/plot_" if os.environ.get("SYNTHGAN_GALLERY") else "/none",
    "ignore_pattern": r"benchmarks",
}
