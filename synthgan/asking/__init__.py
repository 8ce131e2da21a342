"""Conditions on generated records, and labels of signals and images.

Uses encodings and constraints, but no networks.
"""
