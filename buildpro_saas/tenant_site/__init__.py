from buildpro_saas.tenant_site import presence, sandbox, strict_names

presence.keep()
strict_names.keep()
sandbox.install()
