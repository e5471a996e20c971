"""How values are written for people and read from them. Pure."""
