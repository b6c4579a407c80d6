"""Who a visitor is, and what a visitor may do."""
