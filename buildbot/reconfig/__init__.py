"""How a changed master.cfg is loaded, compared and put into force."""
