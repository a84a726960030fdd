"""Side-by-side measurements: Souk against the raw database on the same machine, in the same run. `make bench` runs all of it."""
