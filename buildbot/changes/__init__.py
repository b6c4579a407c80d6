"""Changes: what somebody committed, and how the master hears of it."""
