"""Our tmux server: its language, its clients, sweeps and orders.

words (language, pure) ──▶ client (standing, cheap) ──▶ terminal (orders), sweep (looks)
                      └──▶ command (one process, bounded) ──▶ server (birth, end), structure (libtmux)
"""
