"""Mails about builds and slaves: what they say, who gets them, and how they reach a mail server."""
