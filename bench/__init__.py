"""Measurements, each printed next to the calls it is made of: ratios in one run, never asserted in tests."""
