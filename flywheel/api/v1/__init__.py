"""What the blueprint's API does not have: runs in full, documents, promotions, questions."""
