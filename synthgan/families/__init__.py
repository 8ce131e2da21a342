"""Families: the rows of a child table that belong to one row of its parent, in order.

How such a row is coded against what is known before it, and how a family is summed up. It
handles tables, no grids and no networks.
"""
