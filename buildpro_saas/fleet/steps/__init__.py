"""The steps that playbooks are made of."""
