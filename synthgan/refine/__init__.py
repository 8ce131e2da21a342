"""Corrections that are fitted after training and applied to each sample.

The critic selects among candidates, the balance matches marginal distributions, the calibration
corrects signals, and the grain corrects image noise. Works on grids and arrays.
"""
