"""Boosted trees as plain arrays, that are stored in archives and evaluated without scikit-learn.

`Trees` is a sum of trees; `Predictor` learns numbers or the shares of labels, so that no row is
predicted by trees that have seen its person. Independent of encodings and networks.
"""
