"""What people type after `/flywheel`, as typed commands."""
