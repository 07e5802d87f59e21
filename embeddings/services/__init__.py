"""The verbs: each validates what only it can know, owns its transaction and knows nothing of
HTTP.
"""
