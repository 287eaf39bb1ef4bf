"""The engine: takes content items of a partition to results, through the ledger, over the API.

Belongs here: submitting, uploading, recovering, polling and collecting, with threads and time limits. `Engine` is what
a run hands to each of them; `submit_partition` and `collect_partition` are the two calls of a date. Does not: HTTP
(`api`), where content comes from (`media`), how submissions are stored (`ledger`), tables (`lake`), and anything of
Dagster: whoever calls the engine passes plain objects and reads plain reports.
"""
