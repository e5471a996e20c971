"""The parts of the benchmark: each yields figures of one subject, for the sizes that it is given."""
