from buildpro_saas.tenant_site import presence

presence.keep()
