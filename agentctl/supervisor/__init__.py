"""Makes it so: the one long-lived process of a user that writes the log and touches the machine."""
