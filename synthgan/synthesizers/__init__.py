"""Estimators: records to grids, training, samples, saved models, and their defaults.

The only folder that uses both records and networks. Each kind of records has one module.
"""
