"""The whole loop on one machine: a story told with the ordinary steps; what goes wrong in it comes in as data."""
