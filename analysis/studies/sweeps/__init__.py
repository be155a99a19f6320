"""Sweeps of any size: designs, their evaluation into Parquet, reductions."""
