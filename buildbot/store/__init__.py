"""What must outlive the master's process: changes, requests, builds, and what schedulers remember."""
