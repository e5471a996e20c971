"""Asks workers whether they are well."""
