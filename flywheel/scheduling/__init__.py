"""Which steps may hold which GPUs, and when: pure logic."""
