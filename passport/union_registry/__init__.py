"""The Union's registry of product passports: telling it of a battery, fetching and checking its proof.

It may import `issue`, `ledger` and below; it asks nobody before a person types `cellpass register`.
It must never send a battery twice, follow an answer to another host, or take a guess for a registration.
"""

from passport.union_registry.client import RegistryClient
from passport.union_registry.desk import Desk, Outcome, Word

__all__ = ["Desk", "Outcome", "RegistryClient", "Word"]
