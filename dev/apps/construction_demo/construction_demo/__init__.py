"""A small construction app: what a tenant of BuildPro SaaS works with where the customer's own app is not there."""

__version__ = "0.1.0"
