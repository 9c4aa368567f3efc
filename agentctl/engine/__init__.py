"""What should happen next, worked out from the fleet, what is seen, and the moment. Pure: no input, no output."""
