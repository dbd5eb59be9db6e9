from buildpro_saas.tenant_site import presence, sandbox

presence.keep()
sandbox.install()
