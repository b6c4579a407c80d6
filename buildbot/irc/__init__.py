"""The IRC bot: it tells channels and people about builds, and takes commands from them."""
