"""Logs of steps: their format, their files, and the logs of running builds."""
