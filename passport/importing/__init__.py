"""Import: models, batches and batteries from sheets, documents and other people's formats, all or nothing.

It may import `passport.ledger`, `passport.exports`, `passport.judgement`, `passport.errors` and `schemas`.
It must never write before everything was judged, guess what a cell means, or hold more than its limits say.
"""
