"""The socket that serves one picture and takes orders."""
