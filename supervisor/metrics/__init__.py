"""Metrics for Prometheus, made from the status JSON: OpenMetrics text, printed or kept in a file."""
