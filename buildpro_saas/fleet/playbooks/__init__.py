"""Our playbooks on tenants' sites: which steps, in which order. hooks.py lists them; apps add theirs in the same way (jobs/registry.py)."""
