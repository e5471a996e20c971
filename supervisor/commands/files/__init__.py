"""Config files: checked and begun."""
