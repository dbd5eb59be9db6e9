__version__ = "0.1.0"

from buildpro_saas import old_imports

old_imports.register()
