"""Who may ask, how often, and for how long: tokens, logins, rates, keyboards that were taken, orders sent twice."""
