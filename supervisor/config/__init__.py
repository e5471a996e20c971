"""From the bytes of a file to WorkerSpecs, with the line of every problem."""
