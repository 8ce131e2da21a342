"""What is learnt about synthetic records after training, and applied to each sample.

The critic chooses among candidates, the balance matches columns, the calibration matches signals,
the grain matches images. Knows grids and measures nothing of real records by itself.
"""
