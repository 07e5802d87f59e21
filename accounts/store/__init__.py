"""What limits are counted in: rates in Redis or PostgreSQL, token budgets in PostgreSQL."""
