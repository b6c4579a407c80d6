"""The build master as one service, put together of all its parts."""
