"""What shows that a worker waits for a person, works or idles, without its help: positive signs only, and no guess."""
