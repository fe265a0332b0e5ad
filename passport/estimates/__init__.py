"""What is inferred from the state, each with interval, method and evidence.

It may import `lifecycle` and the vocabulary.
It must never state a number without a method, nor let an unknown become one.
"""
