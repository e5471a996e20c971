"""What the service shows, as the web process holds it: the picture, its changes, the screens that are looked at."""
