"""Measurements of the engine; `make bench` prints them."""
