"""Whether this machine can run the service, and whether a running one is well."""
