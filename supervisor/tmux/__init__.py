"""Our tmux server: its language, its clients, sweeps and orders."""
