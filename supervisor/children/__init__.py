"""Commands of the file that run beside workers, each with a time limit, and what they give to starts."""
