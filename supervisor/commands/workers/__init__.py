"""What workers are told, and where their panes are."""
