"""The only package with SQL and pgvector's operators."""
