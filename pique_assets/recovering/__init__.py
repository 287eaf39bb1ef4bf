"""The room for what the lake gives back: a lost ledger, tables anew from payloads, jobs the ledger does not know.

Belongs here: reading the lake in order to make a ledger or tables again (`ledger_from_lake`, `tables_from_payloads`),
and to find the jobs that a wrong or old ledger lacks (`unknown_jobs`). Does not: Pique, Dagster, and what becomes of a
single submission whose worker died, which the room `evaluation` decides.
"""
