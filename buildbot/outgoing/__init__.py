"""Messages to other servers: kept on disk until delivered, and tried again while a server is down."""
