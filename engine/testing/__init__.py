"""What tests and the demo are made with; shipped, so that plug-ins of others can be tested with it too."""
