"""The engine: takes content items of a partition to results, through the ledger, over the API.

Here: submitting, uploading, recovering, polling and collecting, with threads and time limits.
Not here: HTTP (`api`), where content comes from (`media`), how submissions are stored (`ledger`), tables
(`lake`), and anything of Dagster: whoever calls the engine passes plain objects and reads plain reports.
"""
