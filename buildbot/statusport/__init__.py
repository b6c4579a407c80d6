"""The port for status clients: programs that follow the builds over PB, as those of 0.7.5 do."""
