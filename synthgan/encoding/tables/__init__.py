"""Tables to grids and back: columns, quantile cells, one-hot cells, missing values.

Knows no constraints and no networks.
"""
