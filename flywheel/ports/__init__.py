"""What flywheel needs from the outside, as protocols; adapters implement them."""
