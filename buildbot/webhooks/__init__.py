"""Messages about builds to web servers: signed, and posted until the server has them."""
