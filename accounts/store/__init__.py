"""What limits are counted in, rates in Redis or PostgreSQL, and the audit: all SQL of identity."""
