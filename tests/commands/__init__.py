"""Commands, some of them as processes of their own."""
