"""Network specifications, and the layers that they build.

A specification is a small object with `build`; layers are independent of records and training.
"""
