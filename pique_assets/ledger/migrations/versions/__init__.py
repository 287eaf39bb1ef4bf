"""One module per version of the ledger, each written by hand and never changed after a release."""
