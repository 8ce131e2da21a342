"""What users ask of generated records: conditions on columns, and labels beside records.

Knows encodings and constraints, no network.
"""
