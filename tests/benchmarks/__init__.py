"""What is promised about speed, measured beside a floor in one run."""
