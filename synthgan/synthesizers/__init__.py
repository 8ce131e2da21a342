"""Estimators: records to grids, training, samples, saved models, and their defaults.

The only room where records meet networks. Each kind of records has one module.
"""
