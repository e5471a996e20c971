"""Every file of the state directory, and where it is."""
