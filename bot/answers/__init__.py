"""What each command does and answers: services called, views shown."""
