"""A whole master in one process, told as stories."""
