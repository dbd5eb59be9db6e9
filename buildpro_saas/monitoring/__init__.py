"""How benches, their machines and their sites are: measured, kept, checked, explained.

docs/monitoring.md says it for operators. Numbers come through the agent's door; nothing here opens a bench by itself.
"""
