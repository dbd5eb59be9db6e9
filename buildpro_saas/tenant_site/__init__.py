from buildpro_saas.tenant_site import presence, strict_names

presence.keep()
strict_names.keep()
