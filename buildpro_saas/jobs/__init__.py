"""Provisioning Jobs: durable runs of playbooks. docs/architecture.md says how a step is added."""

# what callers of this room may meet, without knowing the agent
from buildpro_saas.agent.errors import AgentError

__all__ = ["AgentError"]
