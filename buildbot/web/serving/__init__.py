"""The routes of feeds, badges, metrics, health and the APIs of older releases."""
