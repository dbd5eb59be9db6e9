"""What `bench migrate` does once on a site that had an earlier release."""
