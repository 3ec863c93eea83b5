"""The search for hyper-parameters: samplers, storage of studies, figures."""
