"""The steps of this room's playbooks, and those that it lends to the playbooks of tenants' sites."""
