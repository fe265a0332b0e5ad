"""Record and Stated: what gets signed, in the words of the registry; typed access by attribute."""
