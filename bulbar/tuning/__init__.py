"""The search for hyper-parameters: samplers, where studies are stored, figures."""
