"""What goes over the service's socket, for both of its ends. Light to import: each command pays for it.

command ──selection──▶ client ──frames──▶ socket ──frames──▶ gateway        errors: code, message, exit code
"""
