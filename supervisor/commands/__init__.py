"""One verb each: ask, print, exit code."""
