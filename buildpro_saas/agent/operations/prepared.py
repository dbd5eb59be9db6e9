"""Imported by a worker before it forks (commands/preloading.py): what checks specifications is made ready once, not in each job.

That takes two milliseconds of the processor for each operation.
"""

from buildpro_saas.agent.operations import operation

for name in operation.names():
	operation.find(name).prepare()
