"""Messages about builds in the rooms and channels of chat servers."""
