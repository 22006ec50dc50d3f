"""Run a protocol for real, and get an `Exchange` of what it proved."""
