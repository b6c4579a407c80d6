"""The rules of one slave's life: attachment, duplicates."""
