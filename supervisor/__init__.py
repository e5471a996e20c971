"""The service around the actors: command line, config, adapters and wiring."""
