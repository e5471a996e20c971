"""The actors, the messages between them, the pure core and the ports to the outside."""
