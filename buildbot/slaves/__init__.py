"""The slaves: login, attachment, liveness, name conflicts, availability."""
