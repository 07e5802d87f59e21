"""HTTP in, HTTP out: each method validates, calls one service and serialises."""
