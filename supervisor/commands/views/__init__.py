"""What is shown of workers: their state, output, deaths, and why."""
