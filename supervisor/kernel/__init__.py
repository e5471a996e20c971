"""Processes, sockets, files and limits, as the kernel reports them."""
