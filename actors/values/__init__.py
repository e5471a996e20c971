"""What is told and kept: frozen values, with their JSON."""
