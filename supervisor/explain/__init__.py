"""What a state means and what follows from a policy, in sentences. Pure."""
