"""Tables to grids and back: columns, quantile cells, one-hot cells, missing values.

Independent of constraints and networks.
"""
