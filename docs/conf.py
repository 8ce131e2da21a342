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
# The gallery trains for minutes: only scripts that match SYNTHGAN_GALLERY run ("/plot_" for all,
# "/plot_0[2-4]" for the short ones, which need imbalanced-learn).
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": os.environ.get("SYNTHGAN_GALLERY", "/none"),
    "ignore_pattern": r"benchmarks",
}
