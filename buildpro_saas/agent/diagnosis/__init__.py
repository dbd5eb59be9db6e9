"""What is to be seen of a site that a customer says is down or slow: plain data, without secrets, and without what is in rows.

Each look has time limits of its own, and says in its facts what it met. It judges nothing: monitoring/diagnosis/ does.
"""
