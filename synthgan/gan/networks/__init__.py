"""Network specifications, and the layers that they build.

A specification is a small object with `build`; layers know neither records nor training.
"""
